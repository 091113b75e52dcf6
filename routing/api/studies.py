"""`/api/v1/studies/`."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from orthanc_console.accounts.models import Role
from orthanc_console.agent.models import Event
from orthanc_console.pagination import NewestFirst
from orthanc_console.rest import Strict, actor
from routing.api.selection import ReportSerializer, select, told
from routing.filters import StudyFilter
from routing.models import Destination, Study
from routing.models.rule import Priority
from routing.services import sending


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


class SendManySerializer(serializers.Serializer[Any]):
    """A destination, and either identifiers of studies or any of the filters of the list."""

    destination = serializers.PrimaryKeyRelatedField(queryset=Destination.objects.all())
    priority = serializers.ChoiceField(
        Priority.choices,
        required=False,
        help_text="The place among what waits there; urgent for studies that are named, low for what filters select",
    )
    studies = serializers.ListField(child=serializers.IntegerField(), required=False)


class StudyViewSet(viewsets.ReadOnlyModelViewSet[Study]):
    """Studies that nodes reported."""

    queryset = Study.objects.defer("search_text")
    filterset_class = StudyFilter
    action_roles = {"send": Role.OPERATOR, "send_many": Role.OPERATOR}

    def get_queryset(self) -> QuerySet[Study]:
        rows = super().get_queryset()
        return rows.defer("facts") if self.action == "list" else rows

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
        sent = sending.send_one(
            actor(request), self.get_object(), body.validated_data["destination"]
        )
        answer = {
            "command": sent.command.pk,
            "done": sent.command.finished_at is not None,
            "ok": sent.ok,
            "detail": sent.detail,
            "delivery": sent.delivery,
        }
        return Response(answer, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        request=SendManySerializer,
        responses=ReportSerializer,
        filters=True,
        operation_id="studies_send_many",
    )
    @action(detail=False, methods=["post"], url_path="send", url_name="send-many")
    def send_many(self, request: Request) -> Response:
        """Send the studies that are named, or what filters select; at least one filter must be given."""
        rows = Study.objects.select_related("node")
        own = ("destination", "priority")
        chosen = select(request, "studies", StudyFilter, rows, other=own)
        body = SendManySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        priority = Priority.URGENT if chosen.named else Priority.LOW
        report = sending.send(
            actor(request),
            chosen.rows.iterator(chunk_size=500),
            body.validated_data["destination"],
            body.validated_data.get("priority", priority),
        )
        return told(report)
