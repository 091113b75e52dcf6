"""Changing destinations, and asking a node whether one answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from orthanc_console.nodes import services as nodes_services
from orthanc_console.nodes.models import Node
from orthanc_console.nodes.services import changing_configuration
from purge.models import PurgePolicy
from routing import explain
from routing.models import Destination, Lane
from routing.models.destination import VERIFIES, Kind, Source

ECHO_SECONDS = 15
# What the console decides about a destination that stands in Orthanc's own configuration.
FOUND_FIELDS = frozenset({"enabled", "paused", "verify", "max_in_flight", "hours"})
AUDITED = (
    *("name", "kind", "nodes", "enabled", "paused", "aet", "host", "port"),
    *("url", "username", "verify", "max_in_flight", "hours"),
)
SECRET = ("password",)
ADDRESS_FIELDS = {
    Kind.MODALITY: ("aet", "host", "port"),
    Kind.PEER: ("url",),
    Kind.DICOMWEB: ("url",),
}
EDITABLE = (
    *("name", "kind", "enabled", "paused", "aet", "host", "port", "url"),
    *("username", "password", "verify", "max_in_flight", "hours"),
)

Errors = dict[str, list[str]]


@dataclass(frozen=True)
class EchoResult:
    """What a destination answered to C-ECHO, or to the HTTP request that stands for it."""

    ok: bool
    milliseconds: int | None
    detail: str
    node: str


def validate(values: Mapping[str, Any], instance: Destination | None) -> None:
    """Check what a form or the API wants to save.

    Args:
        values: the fields to set; those left out keep the values of `instance`.
        instance: the destination to change, None for a new one.

    Raises:
        ValidationError: field -> messages.
    """
    candidate = copy(instance) if instance else Destination()
    for field in values.keys() & set(EDITABLE):
        setattr(candidate, field, values[field])
    nodes = values.get("nodes")
    if nodes is None:
        nodes = instance.nodes.all() if instance and instance.pk else ()
    if candidate.source == Source.ORTHANC:
        _check_found(candidate)
    else:
        _check_own(candidate, nodes)


def save(
    actor: User, destination: Destination, *, nodes: Iterable[Node] | None = None
) -> Destination:
    """Create the destination or save its changes.

    Args:
        nodes: which nodes may send there, none of them meaning all; None leaves them as they are.

    Raises:
        ValidationError: field -> messages, as in `validate`.
    """
    with changing_configuration():
        stored = Destination.objects.filter(pk=destination.pk).first()
        values = {field: getattr(destination, field) for field in EDITABLE}
        validate(values if nodes is None else {**values, "nodes": list(nodes)}, destination)
        before = log.snapshot(stored, AUDITED, SECRET) if stored else {}
        destination.save()
        if nodes is not None:
            destination.nodes.set(nodes)
        _record(actor, "changed" if stored else "created", destination, before)
    return destination


def delete(actor: User, destination: Destination) -> None:
    """Delete the destination; its deliveries stay in the history under its name.

    Raises:
        ValidationError: rules use it, or it stands in Orthanc's own configuration.
    """
    with changing_configuration():
        rules = list(destination.rules.values_list("name", flat=True))
        if rules:
            names = ", ".join(f"“{name}”" for name in rules)
            raise ValidationError(
                _("These rules send there: %(names)s. Take it out of them first.")
                % {"names": names}
            )
        asking = PurgePolicy.objects.filter(require_delivered_to=destination)
        policies = ", ".join(f"“{each}”" for each in asking)
        if policies:
            raise ValidationError(
                _("These purge policies ask it for studies: %(names)s. Take it out of them first.")
                % {"names": policies}
            )
        if destination.source == Source.ORTHANC and destination.gone_at is None:
            raise ValidationError(
                _("Orthanc itself has this destination. Remove it there, or disable it here.")
            )
        _record(actor, "deleted", destination, log.snapshot(destination, AUDITED, SECRET))
        destination.delete()


def set_paused(actor: User, destination: Destination, paused: bool) -> None:
    """Hold what would be sent there, or let it go on."""
    with changing_configuration():
        changed = Destination.objects.filter(pk=destination.pk, paused=not paused)
        destination.paused = paused
        if changed.update(paused=paused):
            verb = "destination.paused" if paused else "destination.resumed"
            log.record(actor, verb, destination)


def echo(actor: User, destination: Destination, node: Node | None = None) -> EchoResult:
    """Let a node ask the destination whether it is there; waits at most 15 seconds.

    Args:
        node: which one asks; None takes the first that is online.
    """
    asked = node or next((each for each in served_nodes(destination) if each.online), None)
    if asked is None or not asked.online:
        detail = _("No Orthanc that may send there is online, so nothing was tried.")
        return EchoResult(False, None, detail, asked.name if asked else "")
    data = {"destination": destination.pk}
    command = nodes_services.ask(
        asked, "echo", data, actor, expires=timedelta(seconds=ECHO_SECONDS)
    )
    nodes_services.wait_for(command, ECHO_SECONDS)
    if command.finished_at is None:
        detail = _("%(node)s did not answer within %(seconds)d seconds.")
        detail %= {"node": asked.name, "seconds": ECHO_SECONDS}
        return EchoResult(False, None, detail, asked.name)
    milliseconds = command.result.get("milliseconds")
    if not isinstance(milliseconds, int):
        milliseconds = None
    return EchoResult(bool(command.ok), milliseconds, command.detail, asked.name)


def served_nodes(destination: Destination) -> list[Node]:
    """The nodes that may send there."""
    return list(destination.nodes.all()) or list(Node.objects.all())


def missed() -> list[Destination]:
    """Those that their Orthanc does not have any more, though deliveries wait for them."""
    return list(Destination.objects.exclude(gone_at=None).filter(lanes__waiting__gt=0).distinct())


def serving(node: Node) -> Q:
    """The condition on destinations, or on rules, that concern the node."""
    return Q(nodes=None) | Q(nodes=node)


def health(destination: Destination) -> str:
    """`ok`, `failing`, `unknown` or `paused`, from its lanes; prefetch `lanes` for a list."""
    if destination.paused:
        return "paused"
    lanes = destination.lanes.all()
    if any(lane.state == lane.State.FAILING or lane.problem for lane in lanes):
        return "failing"
    return "ok" if any(lane.last_success_at for lane in lanes) else "unknown"


def last_error(destination: Destination) -> str:
    """What the nodes last had to complain about; empty while it works. Prefetch `lanes` for a list."""
    lane = _complaining(destination)
    return (lane.problem or lane.last_error) if lane else ""


def explained(destination: Destination) -> explain.Explanation | None:
    """What `last_error` means and what to do about it; None while it works. Prefetch `lanes` with their nodes for a list."""
    lane = _complaining(destination)
    if lane is None:
        return None
    words = lane.problem or lane.last_error
    return explain.error(words, about=explain.about(lane.node.status, destination))


def _complaining(destination: Destination) -> Lane | None:
    lanes = sorted(destination.lanes.all(), key=lambda lane: lane.updated_at, reverse=True)
    return next((lane for lane in lanes if lane.problem or lane.last_error), None)


def _record(actor: User, done: str, destination: Destination, before: dict[str, Any]) -> None:
    after = {} if done == "deleted" else log.snapshot(destination, AUDITED, SECRET)
    changes = log.difference(before, after)
    log.record(actor, f"destination.{done}", destination, changes=changes)


def _check_found(candidate: Destination) -> None:
    stored = Destination.objects.get(pk=candidate.pk)
    message = _("Orthanc itself has this destination, so this can be changed only there.")
    errors = {
        field: [message]
        for field in EDITABLE
        if field not in FOUND_FIELDS and getattr(candidate, field) != getattr(stored, field)
    }
    if errors:
        raise ValidationError(errors)
    candidate.clean_fields()
    wrong = _verify_error(candidate)
    if wrong:
        raise ValidationError({"verify": [wrong]})


def _check_own(candidate: Destination, nodes: Iterable[Node]) -> None:
    errors: Errors = {}
    try:
        candidate.clean_fields()
    except ValidationError as error:
        errors.update(error.message_dict)
    if "kind" not in errors:
        for field, message in _address_errors(candidate).items():
            errors.setdefault(field, []).append(message)
        wrong = _verify_error(candidate)
        if wrong:
            errors.setdefault("verify", []).append(wrong)
    if not errors.keys() & {"name", "kind"}:
        rival = _same_name(candidate, nodes)
        if rival:
            errors["name"] = [_rival_message(rival)]
    if errors:
        raise ValidationError(errors)


def _address_errors(candidate: Destination) -> dict[str, str]:
    needed = ADDRESS_FIELDS[Kind(candidate.kind)]
    errors = {
        field: _("Needed for this kind of destination.")
        for field in needed
        if getattr(candidate, field) in ("", None)
    }
    for field in ("aet", "host", "port", "url"):
        if field not in needed and getattr(candidate, field) not in ("", None):
            errors[field] = _("This kind of destination has none; leave it empty.")
    if "url" in needed and candidate.url:
        wrong = _url_error(candidate.url)
        if wrong:
            errors["url"] = wrong
    if candidate.kind == Kind.MODALITY and (candidate.username or candidate.password):
        errors["username"] = _("DICOM has no user names; leave user name and password empty.")
    return errors


def _verify_error(candidate: Destination) -> str:
    if candidate.verify in VERIFIES[Kind(candidate.kind)]:
        return ""
    return _("Only DICOM modalities know storage commitment. Let it compare every instance.")


def _url_error(url: str) -> str:
    try:
        parts = urlsplit(url)
        complete = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        complete = False
    if not complete or any(character.isspace() for character in url):
        return _("Give a full address, such as http://192.0.2.7:8042/.")
    if parts.username or parts.password:
        return _("Give user name and password in their own fields, not in the address.")
    if parts.query or parts.fragment:
        return _("Leave out what follows “?” or “#”.")
    return ""


def _same_name(candidate: Destination, nodes: Iterable[Node]) -> Destination | None:
    rivals = Destination.objects.filter(
        kind=candidate.kind, name=candidate.name, gone_at=None
    ).exclude(pk=candidate.pk)
    chosen = [node.pk for node in nodes]
    if chosen:
        rivals = rivals.filter(Q(nodes=None) | Q(nodes__in=chosen))
    return rivals.first()


def _rival_message(rival: Destination) -> str:
    where = ", ".join(node.name for node in rival.nodes.all())
    if rival.source == Source.ORTHANC:
        return _(
            "%(node)s has such a destination of its own. Use that one, or choose another name."
        ) % {"node": where}
    return _("There is such a destination already. Choose another name, or other nodes.")
