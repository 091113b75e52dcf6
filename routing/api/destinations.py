"""`/api/v1/destinations/`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from orthanc_console.accounts.models import Role
from orthanc_console.nodes.models import Node
from orthanc_console.rest import Strict, actor
from routing.api.selection import ReportSerializer, told
from routing.filters import DestinationFilter
from routing.models import Destination
from routing.services import deliveries as delivery_services
from routing.services import destinations as services


class DestinationSerializer(Strict, serializers.ModelSerializer[Destination]):
    nodes = serializers.PrimaryKeyRelatedField(
        many=True, required=False, queryset=Node.objects.all(), help_text="Empty means every node"
    )
    password = serializers.CharField(write_only=True, required=False, allow_blank=True)
    health = serializers.SerializerMethodField()
    last_error = serializers.SerializerMethodField()

    class Meta:
        model = Destination
        fields = (
            *("id", "name", "kind", "enabled", "paused", "source", "nodes", "aet", "host"),
            *("port", "url", "username", "password", "verify", "max_in_flight", "hours"),
            *("health", "last_error", "address", "created_at", "gone_at"),
        )
        read_only_fields = ("source", "address", "created_at", "gone_at")

    @extend_schema_field(serializers.ChoiceField(["ok", "failing", "unknown", "paused"]))
    def get_health(self, destination: Destination) -> str:
        return services.health(destination)

    def get_last_error(self, destination: Destination) -> str:
        return services.last_error(destination)

    def create(self, validated_data: dict[str, Any]) -> Destination:
        nodes = validated_data.pop("nodes", [])
        destination = Destination(**validated_data)
        return services.save(actor(self.context["request"]), destination, nodes=nodes)

    def update(self, instance: Destination, validated_data: dict[str, Any]) -> Destination:
        nodes = validated_data.pop("nodes", None)
        for field, value in validated_data.items():
            setattr(instance, field, value)
        return services.save(actor(self.context["request"]), instance, nodes=nodes)


class EchoSerializer(serializers.Serializer[services.EchoResult]):
    ok = serializers.BooleanField()
    milliseconds = serializers.IntegerField(allow_null=True)
    detail = serializers.CharField()
    node = serializers.CharField(help_text="Which Orthanc asked")


class NodeOptions(Strict):
    node = serializers.PrimaryKeyRelatedField(
        required=False,
        queryset=Node.objects.all(),
        help_text="Which Orthanc; any, or all, by default",
    )


class DestinationViewSet(viewsets.ModelViewSet[Destination]):
    """Where nodes can send. `source: orthanc` marks those that an Orthanc has by its own configuration."""

    queryset = Destination.objects.prefetch_related("nodes", "lanes")
    serializer_class = DestinationSerializer
    filterset_class = DestinationFilter
    http_method_names = ("get", "post", "patch", "put", "delete", "head", "options")
    action_roles = {
        "echo": Role.OPERATOR,
        "pause": Role.OPERATOR,
        "resume": Role.OPERATOR,
        "drain": Role.OPERATOR,
    }

    def perform_destroy(self, instance: Destination) -> None:
        services.delete(actor(self.request), instance)

    @extend_schema(request=NodeOptions, responses=EchoSerializer)
    @action(detail=True, methods=["post"])
    def echo(self, request: Request, pk: str | None = None) -> Response:
        """Let a node ask the destination whether it is there. Answers within about 15 seconds."""
        options = NodeOptions(data=request.data)
        options.is_valid(raise_exception=True)
        node = options.validated_data.get("node")
        result = services.echo(actor(request), self.get_object(), node)
        return Response(EchoSerializer(result).data)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str | None = None) -> Response:
        """Hold what would be sent there."""
        return self._set_paused(request, True)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str | None = None) -> Response:
        """Let what was held go on."""
        return self._set_paused(request, False)

    @extend_schema(request=NodeOptions, responses=ReportSerializer)
    @action(detail=True, methods=["post"])
    def drain(self, request: Request, pk: str | None = None) -> Response:
        """Cancel all that waits for the destination, of one node or of all; what is being sent goes on."""
        options = NodeOptions(data=request.data)
        options.is_valid(raise_exception=True)
        node = options.validated_data.get("node")
        return told(delivery_services.drain(actor(request), self.get_object(), node))

    def _set_paused(self, request: Request, paused: bool) -> Response:
        destination = self.get_object()
        services.set_paused(actor(request), destination, paused)
        return Response(self.get_serializer(destination).data)
