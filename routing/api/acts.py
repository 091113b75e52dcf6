"""`/api/v1/acts/`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, viewsets

from routing.models import Act
from routing.services import acts


class PartSerializer(serializers.Serializer[acts.Part]):
    node = serializers.IntegerField(source="node.pk")
    commands = serializers.IntegerField(help_text="Parts of at most 500 that it is asked in")
    finished = serializers.IntegerField(help_text="Parts that it has answered")
    asked = serializers.IntegerField()
    done = serializers.IntegerField()
    refused = serializers.IntegerField()
    failed = serializers.IntegerField()


class OutcomeSerializer(serializers.Serializer[acts.Outcome]):
    done = serializers.IntegerField()
    open = serializers.IntegerField(help_text="What the nodes have not answered about")
    not_done = serializers.IntegerField()
    reasons = serializers.DictField(
        child=serializers.IntegerField(), help_text="Why something was not done -> how many"
    )
    nodes = PartSerializer(source="parts", many=True)


class ActSerializer(serializers.ModelSerializer[Act]):
    actor = serializers.CharField(source="actor_name")

    class Meta:
        model = Act
        fields: tuple[str, ...] = (
            *("id", "verb", "at", "actor", "destination", "destination_name", "asked"),
        )


class ActDetailSerializer(ActSerializer):
    outcome = serializers.SerializerMethodField()

    class Meta(ActSerializer.Meta):
        fields = (*ActSerializer.Meta.fields, "outcome")

    @extend_schema_field(OutcomeSerializer)
    def get_outcome(self, act: Act) -> Any:
        return OutcomeSerializer(acts.outcome(act)).data


class ActViewSet(viewsets.ReadOnlyModelViewSet[Act]):
    """What people asked for many studies or deliveries at once; one alone has what came of it."""

    queryset = Act.objects.all()

    def get_serializer_class(self) -> type[ActSerializer]:
        return ActDetailSerializer if self.action == "retrieve" else ActSerializer
