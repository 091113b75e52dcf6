"""What a bulk action of the API is about: named things, or all that filters select."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import django_filters
from django.core.exceptions import ValidationError as WrongValue
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from routing.services.acts import Report

MOST_NAMED = 10_000


@dataclass(frozen=True)
class Selection:
    """The rows of a bulk action; `named` says that they were given by their identifiers."""

    rows: QuerySet[Any]
    named: bool


def select(
    request: Request,
    name: str,
    filterset: type[django_filters.FilterSet],
    rows: QuerySet[Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    other: Iterable[str] = (),
) -> Selection:
    """Read a selection from the query and from the JSON object of the body.

    Args:
        name: the field that names identifiers; with it, no filter may be given.
        defaults: filters that hold unless they are given; none means that at least one filter must be given.
        other: fields of the body that are no filters.

    Raises:
        ValidationError: by field: an unknown filter, a wrong value, nothing selected at all.
    """
    given = {**request.query_params.dict(), **_object(request.data)}
    for field in other:
        given.pop(field, None)
    identifiers = given.pop(name, None)
    _refuse_unknown(given, filterset)
    if identifiers is not None:
        if given:
            raise exceptions.ValidationError({name: [_("Give either these or filters.")]})
        return Selection(_named(name, identifiers, rows), True)
    if not given and defaults is None:
        message = _("Name some, or give a filter; without any, this would concern everything.")
        raise exceptions.ValidationError({name: [message]})
    return Selection(_filtered(filterset, {**(defaults or {}), **given}, rows), False)


def _named(name: str, identifiers: Any, rows: QuerySet[Any]) -> QuerySet[Any]:
    if not isinstance(identifiers, list) or len(identifiers) > MOST_NAMED:
        message = _("Give a list of at most %(most)d identifiers.") % {"most": MOST_NAMED}
        raise exceptions.ValidationError({name: [message]})
    try:
        keys = {rows.model._meta.pk.to_python(each) for each in identifiers}
    except WrongValue as error:
        raise exceptions.ValidationError({name: error.messages}) from error
    found = rows.filter(pk__in=keys)
    missing = keys - set(found.values_list("pk", flat=True))
    if missing:
        unknown = ", ".join(sorted(map(str, missing))[:10])
        message = _("There are no such ones: %(unknown)s.") % {"unknown": unknown}
        raise exceptions.ValidationError({name: [message]})
    return found


def _filtered(
    filterset: type[django_filters.FilterSet], given: dict[str, Any], rows: QuerySet[Any]
) -> QuerySet[Any]:
    states = given.get("state")
    if states is not None:
        given["state"] = states if isinstance(states, list) else [states]
    filtered = filterset(given, rows)
    if not filtered.is_valid():
        raise exceptions.ValidationError(filtered.errors)
    found: QuerySet[Any] = filtered.qs
    return found


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise exceptions.ValidationError(_("Give the filters as an object."))
    return dict(data)


def _refuse_unknown(given: Mapping[str, Any], filterset: type[django_filters.FilterSet]) -> None:
    unknown = given.keys() - filterset.base_filters.keys()
    if unknown:
        # A misspelt filter would else select more than was meant.
        message = _("There is no such filter.")
        raise exceptions.ValidationError({name: [message] for name in sorted(unknown)})


class SkippedSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    reason = serializers.CharField()


class ReportSerializer(serializers.Serializer[Any]):
    act = serializers.UUIDField(help_text="Under `acts/`, what the nodes did becomes known")
    done = serializers.IntegerField(help_text="How many their nodes are asked about")
    skipped = SkippedSerializer(many=True)
    offline = serializers.ListField(
        child=serializers.CharField(), help_text="Nodes that are asked when they are back"
    )
    detail = serializers.CharField()


def told(report: Report) -> Response:
    """The answer of a bulk action."""
    answer = {
        "act": report.act.pk,
        "done": report.done,
        "skipped": [{"id": id, "reason": reason} for id, reason in report.skipped],
        "offline": report.offline,
        "detail": report.message,
    }
    return Response(answer)
