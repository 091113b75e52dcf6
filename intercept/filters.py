"""Filters of intercept's lists: the same for pages and API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from intercept.models import (
    DeliveryState,
    Mode,
    MoveRequest,
    Outcome,
    WebhookDelivery,
    WebhookTarget,
)
from orthanc_console.nodes.models import Node
from routing.filters import ChoicesFilter, SearchFilter
from routing.models.rule import Enforcement

Rows = QuerySet[Any]
MOVE_TEXTS = (
    *("patient_id", "accession_number", "study_instance_uid", "study__patient_name"),
    *("originator_aet", "target_aet"),
)


def _one_of(model: type[Model], label: Any) -> Any:
    return django_filters.ModelChoiceFilter(queryset=model._default_manager.all(), label=label)


def _since(field: str, label: Any) -> Any:
    return django_filters.IsoDateTimeFilter(field_name=field, lookup_expr="gte", label=label)


def _before(field: str) -> Any:
    return django_filters.IsoDateTimeFilter(field_name=field, lookup_expr="lt", label=_("Before"))


class TargetFilter(django_filters.FilterSet):  # type: ignore[misc]
    search = SearchFilter(("name", "url", "expression"))
    enforcement = ChoicesFilter(choices=Enforcement.choices, label=_("Enforcement"))
    mode = ChoicesFilter(choices=Mode.choices, label=_("Mode"))
    node = django_filters.ModelChoiceFilter(
        queryset=Node.objects.all(), method="filter_node", label=_("Node")
    )

    class Meta:
        model = WebhookTarget
        fields: list[str] = []

    def filter_node(self, queryset: Rows, name: str, value: Node) -> Rows:
        return queryset.filter(Q(nodes=None) | Q(nodes=value))


class MoveFilter(django_filters.FilterSet):  # type: ignore[misc]
    """`received_after` and `received_before` are ISO 8601 times; a date alone is its midnight."""

    search = SearchFilter(MOVE_TEXTS)
    outcome = ChoicesFilter(choices=Outcome.choices, label=_("Outcome"))
    node = _one_of(Node, _("Node"))
    originator_aet = django_filters.CharFilter(label=_("Asked by"))
    target_aet = django_filters.CharFilter(label=_("To"))
    study = django_filters.NumberFilter(field_name="study_id", label=_("Study"))
    received_after = _since("received_at", _("From"))
    received_before = _before("received_at")

    class Meta:
        model = MoveRequest
        fields: list[str] = []


class WebhookFilter(django_filters.FilterSet):  # type: ignore[misc]
    """`created_after` and `created_before` are ISO 8601 times; a date alone is its midnight."""

    search = SearchFilter(tuple(f"move_request__{column}" for column in MOVE_TEXTS))
    state = ChoicesFilter(choices=DeliveryState.choices, label=_("State"))
    target = _one_of(WebhookTarget, _("Target"))
    node = _one_of(Node, _("Node"))
    move_request = django_filters.UUIDFilter(field_name="move_request_id", label=_("C-MOVE"))
    created_after = _since("created_at", _("From"))
    created_before = _before("created_at")

    class Meta:
        model = WebhookDelivery
        fields: list[str] = []
