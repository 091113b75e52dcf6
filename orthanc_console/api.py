"""`/api/v1/`: one line for each resource."""

from __future__ import annotations

from rest_framework.routers import DefaultRouter

from orthanc_console.audit.api import AuditEventViewSet
from orthanc_console.nodes.api import NodeViewSet
from routing.api.acts import ActViewSet
from routing.api.deliveries import DeliveryViewSet
from routing.api.destinations import DestinationViewSet
from routing.api.lanes import LaneViewSet
from routing.api.rules import RuleViewSet
from routing.api.studies import StudyViewSet

router = DefaultRouter()
router.register("nodes", NodeViewSet, basename="api-node")
router.register("destinations", DestinationViewSet, basename="api-destination")
router.register("rules", RuleViewSet, basename="api-rule")
router.register("studies", StudyViewSet, basename="api-study")
router.register("deliveries", DeliveryViewSet, basename="api-delivery")
router.register("lanes", LaneViewSet, basename="api-lane")
router.register("acts", ActViewSet, basename="api-act")
router.register("audit-events", AuditEventViewSet, basename="api-audit-event")

urlpatterns = router.urls
