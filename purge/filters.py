"""Filters of policies, runs and their studies: the same for pages and API."""

from __future__ import annotations

import django_filters
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orthanc_console.nodes.models import Node
from purge.models import PurgedStudy, PurgePolicy, PurgeRun
from purge.models.run import Cause, Outcome, State
from routing.filters import ChoicesFilter, Rows, SearchFilter
from routing.models.rule import Enforcement

STUDY_TEXTS = (
    *("patient_id", "patient_name", "accession_number"),
    *("study_instance_uid", "study_description"),
)


class PolicyFilter(django_filters.FilterSet):  # type: ignore[misc]
    search = SearchFilter(("name", "expression"))
    enforcement = ChoicesFilter(choices=Enforcement.choices, label=_("Enforcement"))
    node = django_filters.ModelChoiceFilter(
        queryset=Node.objects.all(), method="filter_node", label=_("Node")
    )

    class Meta:
        model = PurgePolicy
        fields: list[str] = []

    def filter_node(self, queryset: Rows, name: str, value: Node) -> Rows:
        return queryset.filter(Q(nodes=None) | Q(nodes=value))


class RunFilter(django_filters.FilterSet):  # type: ignore[misc]
    """`created_after` and `created_before` are ISO 8601 times; a date alone is its midnight."""

    policy = django_filters.ModelChoiceFilter(queryset=PurgePolicy.objects.all(), label=_("Policy"))
    node = django_filters.ModelChoiceFilter(queryset=Node.objects.all(), label=_("Node"))
    state = ChoicesFilter(choices=State.choices, label=_("State"))
    cause = ChoicesFilter(choices=Cause.choices, label=_("Cause"))
    created_after = django_filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="gte", label=_("From")
    )
    created_before = django_filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="lt", label=_("Before")
    )

    class Meta:
        model = PurgeRun
        fields: list[str] = []


class PurgedStudyFilter(django_filters.FilterSet):  # type: ignore[misc]
    search = SearchFilter(STUDY_TEXTS)
    outcome = ChoicesFilter(choices=Outcome.choices, label=_("Outcome"))
    reason = django_filters.CharFilter(label=_("Reason"))
    node = django_filters.ModelChoiceFilter(
        queryset=Node.objects.all(), field_name="run__node", label=_("Node")
    )
    policy = django_filters.ModelChoiceFilter(
        queryset=PurgePolicy.objects.all(), field_name="run__policy", label=_("Policy")
    )

    class Meta:
        model = PurgedStudy
        fields: list[str] = []
