"""Filters of the audit trail: the same for pages and API."""

from __future__ import annotations

import django_filters
from django.utils.translation import gettext_lazy as _

from orthanc_console.audit.models import AuditEvent


class AuditFilter(django_filters.FilterSet):  # type: ignore[misc]
    """`verb` may be the beginning of one, such as `rule.`; the times are ISO 8601."""

    actor = django_filters.CharFilter(field_name="actor_name", label=_("Who"))
    verb = django_filters.CharFilter(lookup_expr="startswith", label=_("What"))
    object_type = django_filters.CharFilter(label=_("Kind of object"))
    object_id = django_filters.CharFilter(label=_("Object"))
    after = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte", label=_("From"))
    before = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt", label=_("Before"))

    class Meta:
        model = AuditEvent
        fields: list[str] = []
