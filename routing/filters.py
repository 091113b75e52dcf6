"""Filters of lists: the same for pages and API."""

from __future__ import annotations

import re
from typing import Any

import django_filters
from cryptography.fernet import InvalidToken
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, Model, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from orthanc_console.fields import decrypt
from orthanc_console.nodes.models import Node
from routing.models import Delivery, DeliveryRule, Destination, Lane, Rule, Study
from routing.models.delivery import State
from routing.models.destination import Kind, Source
from routing.models.rule import Enforcement
from routing.searching import folded

# What a person types may name a patient, so pages carry it encrypted in the address, marked so.
ENCRYPTED = "~"

# As many studies as can well be named one by one.
FEW = 2000

Rows = QuerySet[Any]


class SearchField(forms.CharField):
    """Words to look for; a value that starts with `~` was encrypted by a page of this console."""

    def to_python(self, value: Any) -> str:
        text: str = super().to_python(value) or ""
        if not text.startswith(ENCRYPTED):
            return text
        try:
            return decrypt(text[len(ENCRYPTED) :])
        except (InvalidToken, UnicodeEncodeError) as error:
            raise ValidationError(
                _("This link to a search cannot be read here. Search again.")
            ) from error


class SearchFilter(django_filters.CharFilter):  # type: ignore[misc]
    """Every word must occur in one of the columns, in any letter case."""

    field_class = SearchField

    def __init__(self, columns: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(label=_("Search"), **kwargs)
        self.columns = columns

    def filter(self, qs: Rows, value: str) -> Rows:
        for word in value.split() if value else ():
            matches = Q()
            for column in self.columns:
                matches |= Q(**{f"{column}__icontains": word})
            qs = qs.filter(matches)
        return qs


class StudySearchFilter(django_filters.CharFilter):  # type: ignore[misc]
    """Every word must occur in what the study is searched by, in any letter case, with or without accents.

    Args:
        study: the beginning of look-ups of the study's columns, such as `study__`.
    """

    field_class = SearchField

    def __init__(self, study: str = "") -> None:
        super().__init__(f"{study}pk", label=_("Search"))
        self.study = study

    def filter(self, qs: Rows, value: str) -> Rows:
        words = folded(value or "").split()
        if not words:
            return qs
        # What occurs often is soon met in the order of the list. To look there for what hardly occurs takes long, and the
        # database does not know which is which.
        few = list(_with_words(Study.objects.order_by(), "", words).values("pk")[: FEW + 1])
        if len(few) > FEW:
            return _with_words(qs, self.study, words)
        return qs.filter(**{f"{self.study}pk__in": [each["pk"] for each in few]})


def _with_words(rows: Rows, study: str, words: list[str]) -> Rows:
    for word in words:
        rows = rows.filter(**{f"{study}search_text__contains": word})
    return rows


class ChoicesField(forms.MultipleChoiceField):
    """Several choices, as `a,b` or repeated."""

    widget = forms.SelectMultiple

    def to_python(self, value: Any) -> list[str]:
        given = super().to_python(value)
        return [part for each in given for part in str(each).split(",") if part]


class ChoicesFilter(django_filters.MultipleChoiceFilter):  # type: ignore[misc]
    """Any of several values of a column of the row itself, so that no row can come twice."""

    field_class = ChoicesField

    def filter(self, qs: Rows, value: list[str]) -> Rows:
        return qs.filter(**{f"{self.field_name}__in": value}) if value else qs


def _one_of(model: type[Model], label: Any, field_name: str | None = None) -> Any:
    return django_filters.ModelChoiceFilter(
        queryset=model._default_manager.only("name"), field_name=field_name, label=label
    )


class DeliveryFilter(django_filters.FilterSet):  # type: ignore[misc]
    """`created_after` and `created_before` are ISO 8601 times; a date alone is its midnight."""

    state = ChoicesFilter(choices=State.choices, label=_("State"))
    destination = _one_of(Destination, _("Destination"))
    rule = django_filters.ModelChoiceFilter(
        queryset=Rule.objects.only("name"), method="filter_rule", label=_("Rule")
    )
    node = _one_of(Node, _("Node"))
    study = django_filters.NumberFilter(field_name="study_id", label=_("Study"))
    search = StudySearchFilter("study__")
    created_after = django_filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="gte", label=_("From")
    )
    created_before = django_filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="lt", label=_("Before")
    )

    changed_after = django_filters.IsoDateTimeFilter(
        field_name="state_changed_at", lookup_expr="gte", label=_("In this state since")
    )

    class Meta:
        model = Delivery
        fields: list[str] = []

    def filter_rule(self, queryset: Rows, name: str, value: Rule) -> Rows:
        # A delivery names a rule once for each of its versions, so joined rows would repeat it.
        return queryset.filter(
            Exists(DeliveryRule.objects.filter(delivery=OuterRef("pk"), rule=value))
        )


class StudyFilter(django_filters.FilterSet):  # type: ignore[misc]
    search = StudySearchFilter()
    node = _one_of(Node, _("Node"))
    modality = django_filters.CharFilter(method="filter_modality", label=_("Modality"))
    study_date_after = django_filters.DateFilter(
        field_name="study_date", lookup_expr="gte", label=_("Study date from")
    )
    study_date_before = django_filters.DateFilter(
        field_name="study_date", lookup_expr="lte", label=_("Study date to")
    )

    class Meta:
        model = Study
        fields: list[str] = []

    def filter_modality(self, queryset: Rows, name: str, value: str) -> Rows:
        if not re.fullmatch(r"[A-Za-z0-9_]{1,16}", value):
            return queryset.none()
        # The one way to look into a JSON list that both PostgreSQL and SQLite have.
        listed = queryset.annotate(modalities_text=Cast("modalities", TextField()))
        found: Rows = listed.filter(modalities_text__contains=f'"{value.upper()}"')
        return found


class RuleFilter(django_filters.FilterSet):  # type: ignore[misc]
    search = SearchFilter(("name", "expression"))
    enforcement = ChoicesFilter(choices=Enforcement.choices, label=_("Enforcement"))
    destination = _one_of(Destination, _("Destination"), "destinations")
    node = django_filters.ModelChoiceFilter(
        queryset=Node.objects.only("name"), method="filter_node", label=_("Node")
    )

    class Meta:
        model = Rule
        fields: list[str] = []

    def filter_node(self, queryset: Rows, name: str, value: Node) -> Rows:
        return queryset.filter(Q(nodes=None) | Q(nodes=value))


class DestinationFilter(django_filters.FilterSet):  # type: ignore[misc]
    search = SearchFilter(("name", "aet", "host", "url"))
    kind = ChoicesFilter(choices=Kind.choices, label=_("Kind"))
    source = ChoicesFilter(choices=Source.choices, label=_("Source"))
    paused = django_filters.BooleanFilter(label=_("Paused"))
    enabled = django_filters.BooleanFilter(label=_("Enabled"))
    gone = django_filters.BooleanFilter(
        field_name="gone_at", lookup_expr="isnull", exclude=True, label=_("Gone from Orthanc")
    )
    node = django_filters.ModelChoiceFilter(
        queryset=Node.objects.only("name"), method="filter_node", label=_("Node")
    )

    class Meta:
        model = Destination
        fields: list[str] = []

    def filter_node(self, queryset: Rows, name: str, value: Node) -> Rows:
        return queryset.filter(Q(nodes=None) | Q(nodes=value))


class LaneFilter(django_filters.FilterSet):  # type: ignore[misc]
    destination = _one_of(Destination, _("Destination"))
    node = _one_of(Node, _("Node"))
    state = ChoicesFilter(choices=Lane.State.choices, label=_("State"))

    class Meta:
        model = Lane
        fields: list[str] = []
