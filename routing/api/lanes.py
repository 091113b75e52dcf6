"""`/api/v1/lanes/`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from orthanc_console.pagination import NewestFirst
from routing.filters import LaneFilter
from routing.models import Lane
from routing.services import lanes as services


class ThroughputSerializer(serializers.Serializer[services.Throughput]):
    deliveries = serializers.IntegerField()
    instances = serializers.IntegerField()
    bytes = serializers.IntegerField()


class LaneSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="lane.pk")
    node = serializers.IntegerField(source="lane.node_id")
    destination = serializers.IntegerField(source="lane.destination_id")
    destination_name = serializers.CharField(source="lane.destination.name")
    state = serializers.ChoiceField(Lane.State.choices, source="lane.state")
    breaker = serializers.ChoiceField(["open", "closed"], source="lane.breaker")
    waiting = serializers.IntegerField(source="lane.waiting")
    in_flight = serializers.IntegerField(source="lane.in_flight")
    progress = serializers.ListField(
        child=serializers.IntegerField(), source="lane.progress", help_text="Percent of each job"
    )
    retrying = serializers.IntegerField(help_text="How many wait after an attempt that failed")
    failed = serializers.IntegerField(help_text="How many were given up within a day")
    last_hour = ThroughputSerializer()
    next_attempt_at = serializers.DateTimeField(source="lane.next_attempt_at", allow_null=True)
    last_success_at = serializers.DateTimeField(source="lane.last_success_at", allow_null=True)
    last_error = serializers.CharField(source="lane.last_error")
    problem = serializers.CharField(
        source="lane.problem", help_text="Why Orthanc refuses the destination itself"
    )
    error_means = serializers.SerializerMethodField()
    what_to_do = serializers.SerializerMethodField()
    updated_at = serializers.DateTimeField(source="lane.updated_at")

    def get_error_means(self, overview: services.Overview) -> str:
        return str(overview.explanation.meaning) if overview.explanation else ""

    def get_what_to_do(self, overview: services.Overview) -> str:
        return str(overview.explanation.action) if overview.explanation else ""


class _ByNumber(NewestFirst):
    """A cursor cannot follow the names of other tables, by which pages order lanes."""

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return ("pk",)


class LaneViewSet(viewsets.GenericViewSet[Lane]):
    """How each node's queue to each destination does."""

    queryset = services.rows()
    serializer_class = LaneSerializer
    filterset_class = LaneFilter
    pagination_class = _ByNumber

    @extend_schema(responses=LaneSerializer(many=True))
    def list(self, request: Request) -> Response:
        lanes = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        shown = LaneSerializer(services.overviews(lanes or []), many=True)
        return self.get_paginated_response(shown.data)
