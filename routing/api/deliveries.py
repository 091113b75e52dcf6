"""`/api/v1/deliveries/`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from orthanc_console.accounts.models import Role
from orthanc_console.rest import actor
from routing import explain
from routing.api.selection import ReportSerializer, select, told
from routing.filters import DeliveryFilter
from routing.models import Attempt, Delivery, DeliveryRule
from routing.models.delivery import LIVE_STATES, State
from routing.services import deliveries as services


class RuleLinkSerializer(serializers.ModelSerializer[DeliveryRule]):
    id = serializers.IntegerField(
        source="rule_id", allow_null=True, help_text="null: the rule was deleted"
    )
    name = serializers.CharField(source="rule_name")

    class Meta:
        model = DeliveryRule
        fields = ("id", "name", "revision")


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    rules = RuleLinkSerializer(source="rule_links", many=True)

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = (
            *("id", "study", "node", "destination", "destination_name", "rules", "cause"),
            *("state", "reason", "attempts", "instance_count", "delivered_count"),
            *("next_attempt_at", "last_error", "created_at", "state_changed_at"),
            *("delivered_at", "verified_at"),
        )


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    class Meta:
        model = Attempt
        fields = (
            *("number", "started_at", "finished_at", "instance_count", "job_id", "outcome"),
            *("error", "error_code", "permanent"),
        )


class ExplanationSerializer(serializers.Serializer[Any]):
    state = serializers.CharField()
    reason = serializers.CharField()
    error_means = serializers.CharField()
    what_to_do = serializers.CharField()
    dimse_status = serializers.CharField(help_text="With its name, where the error has one")


class DeliveryDetailSerializer(DeliverySerializer):
    attempt_list = AttemptSerializer(source="attempt_set", many=True)
    explanation = serializers.SerializerMethodField()

    class Meta(DeliverySerializer.Meta):
        fields = (*DeliverySerializer.Meta.fields, "attempt_list", "explanation")

    @extend_schema_field(ExplanationSerializer)
    def get_explanation(self, delivery: Delivery) -> dict[str, str]:
        """The state, the reason and the last error in plain words."""
        last = next(iter(delivery.attempt_set.all()), None)
        means = explain.Explanation("", "")
        if delivery.last_error:
            code = last.error_code if last else None
            about = explain.about(delivery.node.status, delivery.destination)
            means = explain.error(delivery.last_error, code, about)
        return {
            "state": str(explain.state(delivery.state)),
            "reason": str(explain.reason(delivery.reason)),
            "error_means": str(means.meaning),
            "what_to_do": str(means.action),
            "dimse_status": means.status,
        }


class ChosenDeliveries(serializers.Serializer[Any]):
    """Either identifiers, or any of the filters of the list."""

    deliveries = serializers.ListField(child=serializers.UUIDField(), required=False)


class DeliveryViewSet(viewsets.ReadOnlyModelViewSet[Delivery]):
    """What is sent where, and what became of it."""

    queryset = Delivery.objects.prefetch_related("rule_links")
    filterset_class = DeliveryFilter
    action_roles = {
        "retry": Role.OPERATOR,
        "cancel": Role.OPERATOR,
        "retry_all": Role.OPERATOR,
        "cancel_all": Role.OPERATOR,
    }

    def get_queryset(self) -> QuerySet[Delivery]:
        rows = super().get_queryset()
        if self.action == "retrieve":
            return rows.select_related("node", "destination").prefetch_related("attempt_set")
        return rows

    def get_serializer_class(self) -> type[DeliverySerializer]:
        return DeliveryDetailSerializer if self.action == "retrieve" else DeliverySerializer

    @extend_schema(request=None, responses=ReportSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str | None = None) -> Response:
        """Send it again, or at once when it waits for its next attempt."""
        return told(services.retry(actor(request), [self.get_object()]))

    @extend_schema(request=None, responses=ReportSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Give it up."""
        return told(services.cancel(actor(request), [self.get_object()]))

    @extend_schema(
        request=ChosenDeliveries,
        responses=ReportSerializer,
        filters=True,
        operation_id="deliveries_retry_all",
    )
    @action(detail=False, methods=["post"], url_path="retry", url_name="retry-all")
    def retry_all(self, request: Request) -> Response:
        """Retry the deliveries that are named, or what filters select: in the query or in the body, failed ones by default."""
        return told(services.retry(actor(request), self._chosen(request, [State.FAILED])))

    @extend_schema(
        request=ChosenDeliveries,
        responses=ReportSerializer,
        filters=True,
        operation_id="deliveries_cancel_all",
    )
    @action(detail=False, methods=["post"], url_path="cancel", url_name="cancel-all")
    def cancel_all(self, request: Request) -> Response:
        """Cancel the deliveries that are named, or what filters select; at least one filter must be given."""
        return told(services.cancel(actor(request), self._chosen(request)))

    def _chosen(self, request: Request, states: list[State] | None = None) -> Iterator[Delivery]:
        rows = Delivery.objects.select_related("node")
        defaults = None if states is None else {"state": states}
        chosen = select(request, "deliveries", DeliveryFilter, rows, defaults=defaults)
        if states is None and not chosen.named:
            chosen = replace(chosen, rows=chosen.rows.filter(state__in=LIVE_STATES))
        return chosen.rows.iterator(chunk_size=500)
