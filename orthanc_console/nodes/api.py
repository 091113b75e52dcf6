"""`/api/v1/nodes/`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from orthanc_console.nodes import services
from orthanc_console.nodes.models import Node
from orthanc_console.rest import Strict, actor

WithToken = inline_serializer(
    "NodeToken", {"token": serializers.CharField(help_text="Shown only now")}
)


class WarningSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class NodeSerializer(Strict, serializers.ModelSerializer[Node]):
    online = serializers.BooleanField(read_only=True)
    warnings = WarningSerializer(many=True, read_only=True)
    token = serializers.CharField(
        read_only=True, required=False, help_text="Only in the answer that creates the node"
    )

    class Meta:
        model = Node
        fields = (
            *("id", "name", "online", "last_seen_at", "orthanc_version", "plugin_version"),
            *("config_revision", "warnings", "created_at", "token_hint", "status", "token"),
        )
        read_only_fields = (
            *("last_seen_at", "orthanc_version", "plugin_version", "config_revision"),
            *("created_at", "token_hint", "status"),
        )

    def create(self, validated_data: dict[str, Any]) -> Node:
        node, secret = services.create(actor(self.context["request"]), validated_data["name"])
        node.token = secret  # type: ignore[attr-defined]
        return node

    def update(self, instance: Node, validated_data: dict[str, Any]) -> Node:
        if "name" not in validated_data:
            return instance
        return services.rename(actor(self.context["request"]), instance, validated_data["name"])


class NodeViewSet(viewsets.ModelViewSet[Node]):
    """Orthanc servers that have the plugin. Only administrators change them."""

    queryset = Node.objects.all()
    serializer_class = NodeSerializer
    http_method_names = ("get", "post", "patch", "delete", "head", "options")

    def perform_destroy(self, instance: Node) -> None:
        services.delete(actor(self.request), instance)

    @extend_schema(request=None, responses={201: WithToken})
    @action(detail=True, methods=["post"], url_path="new-token")
    def new_token(self, request: Request, pk: str | None = None) -> Response:
        """Replace the node's token. The old one stops at once."""
        secret = services.new_token(actor(request), self.get_object())
        return Response({"token": secret}, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"], url_path="revoke-token")
    def revoke_token(self, request: Request, pk: str | None = None) -> Response:
        """Refuse the node until it gets a new token."""
        services.revoke_token(actor(request), self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)
