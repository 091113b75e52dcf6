"""Naming private tags. A name stays as it is while it exists, because rules are checked against it."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from orthanc_console.nodes.services import changing_configuration
from routing.language import parse
from routing.language.symbols import all_symbols, unusable_keyword
from routing.models import Rule, SiteTag

AUDITED = ("name", "group", "creator", "element", "type", "many", "description")
MOST = 200


def create(actor: User, tag: SiteTag) -> SiteTag:
    """Give a private tag its name, which rules can use at once.

    Raises:
        ValidationError: by field: the name is taken or a DICOM keyword, the address is none.
    """
    tag.group, tag.element = tag.group.strip().lower(), tag.element.strip().lower()
    with changing_configuration():
        tag.full_clean()
        if tag.name in all_symbols() or unusable_keyword(tag.name):
            raise ValidationError({"name": [_("DICOM or the console already has this name.")]})
        if SiteTag.objects.count() >= MOST:
            raise ValidationError(_("There are %(n)d private tags already.") % {"n": MOST})
        tag.save()
        changes = log.difference({}, log.snapshot(tag, AUDITED))
        log.record(actor, "sitetag.created", tag, changes=changes)
    return tag


def delete(actor: User, tag: SiteTag) -> None:
    """Forget the name.

    Raises:
        ValidationError: rules use it.
    """
    with changing_configuration():
        used = [
            rule.name for rule in Rule.objects.all() if tag.name in parse(rule.expression).symbols
        ]
        if used:
            names = ", ".join(f"“{name}”" for name in used)
            raise ValidationError(
                _("These rules read it: %(names)s. Take it out of them first.") % {"names": names}
            )
        changes = log.difference(log.snapshot(tag, AUDITED), {})
        log.record(actor, "sitetag.deleted", tag, changes=changes)
        tag.delete()
