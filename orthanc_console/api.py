"""`/api/v1/`: one line for each resource."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import DefaultRouter

from intercept.api import MoveRequestViewSet, TargetViewSet, WebhookDeliveryViewSet
from orthanc_console.audit.api import AuditEventViewSet
from orthanc_console.keeping.api import RetentionViewSet
from orthanc_console.nodes.api import NodeViewSet
from purge.api import PolicyViewSet, PurgedStudyViewSet, RunViewSet, SettingsViewSet
from routing.api.acts import ActViewSet
from routing.api.deliveries import DeliveryViewSet
from routing.api.destinations import DestinationViewSet
from routing.api.lanes import LaneViewSet
from routing.api.rules import RuleViewSet
from routing.api.site_tags import SiteTagViewSet
from routing.api.studies import StudyViewSet

router = DefaultRouter()
router.register("nodes", NodeViewSet, basename="api-node")
router.register("destinations", DestinationViewSet, basename="api-destination")
router.register("rules", RuleViewSet, basename="api-rule")
router.register("site-tags", SiteTagViewSet, basename="api-site-tag")
router.register("studies", StudyViewSet, basename="api-study")
router.register("deliveries", DeliveryViewSet, basename="api-delivery")
router.register("lanes", LaneViewSet, basename="api-lane")
router.register("acts", ActViewSet, basename="api-act")
router.register("purge-policies", PolicyViewSet, basename="api-purge-policy")
router.register("purge-runs", RunViewSet, basename="api-purge-run")
router.register("purged-studies", PurgedStudyViewSet, basename="api-purged-study")
router.register("webhook-targets", TargetViewSet, basename="api-webhook-target")
router.register("move-requests", MoveRequestViewSet, basename="api-move-request")
router.register("webhook-deliveries", WebhookDeliveryViewSet, basename="api-webhook-delivery")
router.register("audit-events", AuditEventViewSet, basename="api-audit-event")

urlpatterns = [
    # One object each, so its address has no identifier.
    path(
        "purge-settings/",
        SettingsViewSet.as_view({"get": "list", "patch": "partial_update"}),
        name="api-purge-settings",
    ),
    path(
        "retention/",
        RetentionViewSet.as_view({"get": "list", "patch": "partial_update"}),
        name="api-retention",
    ),
    *router.urls,
]
