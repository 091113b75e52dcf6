"""`/api/v1/webhook-targets/`, `/api/v1/move-requests/` and `/api/v1/webhook-deliveries/`."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from intercept import export
from intercept.filters import MoveFilter, TargetFilter, WebhookFilter
from intercept.models import (
    DeliveryState,
    MoveRequest,
    WebhookAttempt,
    WebhookDelivery,
    WebhookTarget,
)
from intercept.services import deliveries as delivery_services
from intercept.services import targets as services
from orthanc_console.accounts.models import Role
from orthanc_console.nodes.models import Node
from orthanc_console.rest import Strict, actor


class HeadersField(serializers.DictField):
    """Header -> value. Values of headers that hold secrets are read as dots; dots that are written keep the present one."""

    child = serializers.CharField(max_length=2000)

    def get_attribute(self, instance: WebhookTarget) -> dict[str, str]:
        return services.shown_headers(instance)


def _secret(**options: Any) -> serializers.CharField:
    return serializers.CharField(
        write_only=True, required=False, allow_blank=True, trim_whitespace=False, **options
    )


class TargetSerializer(Strict, serializers.ModelSerializer[WebhookTarget]):
    nodes = serializers.PrimaryKeyRelatedField(
        many=True, required=False, queryset=Node.objects.all(), help_text="Empty means every node"
    )
    headers = HeadersField(required=False)
    expression = serializers.CharField(required=False, max_length=20_000)
    secret = _secret(help_text="whsec_ and 24 to 64 bytes in base64; one is made if left out")
    password = _secret()
    bearer_token = _secret()
    client_key = _secret()
    signing_secret = serializers.CharField(
        read_only=True, required=False, help_text="Only in the answer that creates the target"
    )

    class Meta:
        model = WebhookTarget
        fields = (
            *("id", "name", "enforcement", "mode", "url", "method", "headers", "body_template"),
            *("secret", "signing_secret", "expression", "nodes", "username", "password"),
            *("bearer_token", "client_certificate", "client_key", "ca_certificates"),
            *("verify_certificate", "timeout_seconds", "on_timeout", "revision"),
            *("disabled_because", "created_at", "updated_at"),
        )
        read_only_fields = ("revision", "disabled_because", "created_at", "updated_at")

    def create(self, validated_data: dict[str, Any]) -> WebhookTarget:
        target = self._save(WebhookTarget(), validated_data)
        target.signing_secret = target.secret  # type: ignore[attr-defined]
        return target

    def update(self, instance: WebhookTarget, validated_data: dict[str, Any]) -> WebhookTarget:
        return self._save(instance, validated_data)

    def _save(self, target: WebhookTarget, values: dict[str, Any]) -> WebhookTarget:
        nodes = values.pop("nodes", None)
        if "headers" in values:
            services.set_headers(target, values.pop("headers"))
        for field, value in values.items():
            setattr(target, field, value)
        return services.save(actor(self.context["request"]), target, nodes=nodes)


class TestResultSerializer(serializers.Serializer[services.TestResult]):
    ok = serializers.BooleanField()
    detail = serializers.CharField()
    status = serializers.IntegerField(allow_null=True)
    milliseconds = serializers.IntegerField(allow_null=True)
    node = serializers.CharField(help_text="Which Orthanc called")
    delivery = serializers.UUIDField(allow_null=True, help_text="Where request and response are")


class TestOptions(Strict):
    node = serializers.PrimaryKeyRelatedField(
        required=False, queryset=Node.objects.all(), help_text="Which Orthanc; any by default"
    )


class ParseRequestSerializer(Strict):
    text = serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=20_000)


WithSecret = inline_serializer(
    "WebhookSecret", {"secret": serializers.CharField(help_text="Shown only now")}
)


class TargetViewSet(viewsets.ModelViewSet[WebhookTarget]):
    """HTTP endpoints that are told of C-MOVEs, or asked about them. Secrets are never shown again."""

    queryset = WebhookTarget.objects.prefetch_related("nodes")
    serializer_class = TargetSerializer
    filterset_class = TargetFilter
    action_roles = {"test": Role.OPERATOR, "parse": Role.VIEWER}

    def perform_destroy(self, instance: WebhookTarget) -> None:
        services.delete(actor(self.request), instance)

    @extend_schema(request=TestOptions, responses=TestResultSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str | None = None) -> Response:
        """Let a node send one test message, once. Answers when the receiver has, or after its time-out."""
        options = TestOptions(data=request.data)
        options.is_valid(raise_exception=True)
        node = options.validated_data.get("node")
        result = services.test(actor(request), self.get_object(), node)
        return Response(TestResultSerializer(result).data)

    @extend_schema(request=None, responses={201: WithSecret})
    @action(detail=True, methods=["post"], url_path="new-secret")
    def new_secret(self, request: Request, pk: str | None = None) -> Response:
        """Replace the signing secret. The old one signs, too, for another 24 hours."""
        secret = services.replace_secret(actor(request), self.get_object())
        return Response({"secret": secret}, status=status.HTTP_201_CREATED)

    @extend_schema(request=ParseRequestSerializer, responses=OpenApiTypes.OBJECT)
    @action(detail=False, methods=["post"], pagination_class=None, filterset_class=None)
    def parse(self, request: Request) -> Response:
        """Check a condition on C-MOVEs. Mistakes are in `errors`, and the answer is 200 all the same."""
        body = ParseRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(services.check(body.validated_data["text"]).as_dict())


class MoveRequestSerializer(serializers.ModelSerializer[MoveRequest]):
    class Meta:
        model = MoveRequest
        fields = (
            *("id", "node", "level", "patient_id", "accession_number", "study_instance_uid"),
            *("series_instance_uid", "sop_instance_uid", "study", "source_aet", "target_aet"),
            *("originator_aet", "originator_id", "remote_ip", "outcome", "detail"),
            *("instance_count", "sent_count", "answers", "received_at", "finished_at"),
        )


class MoveRequestViewSet(viewsets.ReadOnlyModelViewSet[MoveRequest]):
    """C-MOVEs that nodes received: who asked, for what, where to, and what became of it."""

    queryset = MoveRequest.objects.all()
    serializer_class = MoveRequestSerializer
    filterset_class = MoveFilter

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=False, pagination_class=None)
    def export(self, request: Request) -> StreamingHttpResponse:
        """What the filters select, as a file for a spreadsheet."""
        return export.as_csv(self.filter_queryset(self.get_queryset()))


class WebhookAttemptSerializer(serializers.ModelSerializer[WebhookAttempt]):
    class Meta:
        model = WebhookAttempt
        fields = (
            *("number", "started_at", "finished_at", "milliseconds", "outcome", "error"),
            *("request", "response"),
        )


class WebhookDeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    class Meta:
        model = WebhookDelivery
        fields: tuple[str, ...] = (
            *("id", "target", "target_name", "move_request", "node", "mode", "cause", "state"),
            *("reason", "attempts", "next_attempt_at", "last_error", "last_status"),
            *("created_at", "delivered_at"),
        )


class WebhookDeliveryDetailSerializer(WebhookDeliverySerializer):
    attempt_list = WebhookAttemptSerializer(source="attempt_set", many=True)

    class Meta(WebhookDeliverySerializer.Meta):
        fields = (*WebhookDeliverySerializer.Meta.fields, "attempt_list")


class SkippedWebhookSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    reason = serializers.CharField()


class RedeliveryReportSerializer(serializers.Serializer[Any]):
    done = serializers.IntegerField(help_text="How many their nodes are asked about")
    skipped = SkippedWebhookSerializer(many=True)
    offline = serializers.ListField(
        child=serializers.CharField(), help_text="Nodes that are asked when they are back"
    )
    detail = serializers.CharField()


class WebhookDeliveryViewSet(viewsets.ReadOnlyModelViewSet[WebhookDelivery]):
    """Messages to webhook targets, and what became of them."""

    queryset = WebhookDelivery.objects.select_related("target")
    filterset_class = WebhookFilter
    action_roles = {"redeliver": Role.OPERATOR, "redeliver_all": Role.OPERATOR}

    def get_queryset(self) -> QuerySet[WebhookDelivery]:
        rows = super().get_queryset()
        return rows.prefetch_related("attempt_set") if self.action == "retrieve" else rows

    def get_serializer_class(self) -> type[WebhookDeliverySerializer]:
        detailed = self.action == "retrieve"
        return WebhookDeliveryDetailSerializer if detailed else WebhookDeliverySerializer

    @extend_schema(request=None, responses=RedeliveryReportSerializer)
    @action(detail=True, methods=["post"])
    def redeliver(self, request: Request, pk: str | None = None) -> Response:
        """Send it again, under the same id."""
        return _told(delivery_services.redeliver(actor(request), [self.get_object()]))

    @extend_schema(
        request=None,
        responses=RedeliveryReportSerializer,
        filters=True,
        operation_id="webhook_deliveries_redeliver_all",
    )
    @action(detail=False, methods=["post"], url_path="redeliver", url_name="redeliver-all")
    def redeliver_all(self, request: Request) -> Response:
        """Send again what the filters select, given as in the list; failed ones unless `state` says else."""
        chosen = request.query_params.copy()
        unknown = chosen.keys() - WebhookFilter.base_filters.keys()
        if unknown:
            # A misspelt filter would else send more than was meant.
            message = _("There is no such filter.")
            raise exceptions.ValidationError({name: [message] for name in sorted(unknown)})
        if "state" not in chosen:
            chosen["state"] = DeliveryState.FAILED
        filtered = WebhookFilter(chosen, WebhookDelivery.objects.select_related("node", "target"))
        if not filtered.is_valid():
            raise exceptions.ValidationError(filtered.errors)
        rows = filtered.qs.iterator(chunk_size=500)
        return _told(delivery_services.redeliver(actor(request), rows))


def _told(report: delivery_services.Report) -> Response:
    answer = {
        "done": report.done,
        "skipped": [{"id": id, "reason": reason} for id, reason in report.skipped],
        "offline": report.offline,
        "detail": report.message,
    }
    return Response(answer)
