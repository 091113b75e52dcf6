"""`/api/v1/site-tags/`."""

from __future__ import annotations

from typing import Any

from rest_framework import mixins, serializers, viewsets

from orthanc_console.rest import Strict, actor
from routing.models import SiteTag
from routing.services import site_tags as services


class SiteTagSerializer(Strict, serializers.ModelSerializer[SiteTag]):
    group = serializers.CharField(max_length=4, help_text="Hexadecimal and odd, as in 0019")
    element = serializers.CharField(max_length=2, help_text="The last two digits, as in 9c")

    class Meta:
        model = SiteTag
        fields = ("id", "name", "group", "creator", "element", "type", "many", "description")
        # The service says it for pages and API alike, once the digits are in one form.
        validators: list[Any] = []

    def create(self, validated_data: dict[str, Any]) -> SiteTag:
        return services.create(actor(self.context["request"]), SiteTag(**validated_data))


class SiteTagViewSet(
    mixins.CreateModelMixin,
    mixins.DestroyModelMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[SiteTag],
):
    """Names for private tags, which rules can then read. To change one, delete it and make it again."""

    queryset = SiteTag.objects.all()
    serializer_class = SiteTagSerializer

    def perform_destroy(self, instance: SiteTag) -> None:
        services.delete(actor(self.request), instance)
