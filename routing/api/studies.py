"""`/api/v1/studies/`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from orthanc_console.accounts.models import Role
from orthanc_console.agent.models import Event
from orthanc_console.nodes import services as nodes_services
from orthanc_console.pagination import NewestFirst
from orthanc_console.rest import Strict, actor
from routing.filters import StudyFilter
from routing.models import Destination, Study
from routing.services import deliveries as services

# How long the answer to `send` waits for the node to take it.
SEND_SECONDS = 3


class StudySerializer(serializers.ModelSerializer[Study]):
    modalities = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Study
        fields: tuple[str, ...] = (
            *("id", "node", "orthanc_id", "study_instance_uid", "patient_id", "patient_name"),
            *("accession_number", "study_date", "study_description", "modalities"),
            *("instance_count", "series_count", "size_bytes", "source_aet", "received_at"),
            *("stable_at", "deleted_at", "reported_at"),
        )


class StudyDetailSerializer(StudySerializer):
    class Meta(StudySerializer.Meta):
        fields = (*StudySerializer.Meta.fields, "facts")


class TimelineSerializer(serializers.ModelSerializer[Event]):
    class Meta:
        model = Event
        fields = ("id", "seq", "kind", "at", "received_at", "delivery", "data")


class SendSerializer(Strict):
    destination = serializers.PrimaryKeyRelatedField(queryset=Destination.objects.all())


class SentSerializer(serializers.Serializer[Any]):
    command = serializers.UUIDField()
    done = serializers.BooleanField(help_text="false: the node did not answer yet")
    ok = serializers.BooleanField(allow_null=True)
    detail = serializers.CharField()
    delivery = serializers.UUIDField(allow_null=True)


class StudyViewSet(viewsets.ReadOnlyModelViewSet[Study]):
    """Studies that nodes reported."""

    queryset = Study.objects.all()
    filterset_class = StudyFilter
    action_roles = {"send": Role.OPERATOR}

    def get_serializer_class(self) -> type[StudySerializer]:
        return StudyDetailSerializer if self.action == "retrieve" else StudySerializer

    @extend_schema(responses=TimelineSerializer(many=True))
    @action(detail=True, filterset_class=None)
    def timeline(self, request: Request, pk: str | None = None) -> Response:
        """What happened to the study, the newest first."""
        pages = NewestFirst()
        events = self.get_object().events.filter(problem="")
        rows = pages.paginate_queryset(events, request, self)
        return pages.get_paginated_response(TimelineSerializer(rows, many=True).data)

    @extend_schema(request=SendSerializer, responses={202: SentSerializer})
    @action(detail=True, methods=["post"])
    def send(self, request: Request, pk: str | None = None) -> Response:
        """Send the study now, whatever the rules say."""
        body = SendSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        study = self.get_object()
        command = services.send(actor(request), study, body.validated_data["destination"])
        if study.node.online:
            nodes_services.wait_for(command, SEND_SECONDS)
        sent = {
            "command": command.pk,
            "done": command.finished_at is not None,
            "ok": command.ok,
            "detail": command.detail,
            "delivery": command.result.get("delivery"),
        }
        return Response(sent, status=status.HTTP_202_ACCEPTED)
