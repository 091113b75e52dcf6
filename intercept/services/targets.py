"""Changing webhook targets. Each change makes a new revision, which tells a node that one that said 410 is wanted again."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from intercept.models import Method, Mode, WebhookTarget
from intercept.plugin import signing, template
from intercept.plugin.target import MASK, is_secret
from orthanc_console.accounts.models import User
from orthanc_console.audit import log
from orthanc_console.nodes import services as nodes_services
from orthanc_console.nodes.models import Node
from orthanc_console.nodes.services import changing_configuration
from routing.language import REQUEST, Parsed, parse
from routing.models.rule import Enforcement

AUDITED = (
    *("name", "enforcement", "mode", "expression", "nodes", "url", "method", "body_template"),
    *("username", "client_certificate", "ca_certificates", "verify_certificate"),
    *("timeout_seconds", "on_timeout"),
)
SECRETS = ("headers_json", "password", "bearer_token", "secret", "client_key")
OLD_SECRET_WORKS_FOR = timedelta(hours=24)
TEST_WAITS = 40.0
MOST_HEADERS = 30
# RFC 9110 section 5.6.2; values are visible ASCII and spaces, so that none can end a line.
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\Z")
_OWN_HEADERS = re.compile(
    r"(?i)(host|content-length|transfer-encoding|connection|expect|upgrade|te|trailer|webhook-.*)\Z"
)


@dataclass(frozen=True)
class TestResult:
    """What became of a test message."""

    ok: bool
    detail: str
    node: str = ""
    status: int | None = None
    milliseconds: int | None = None
    delivery: str | None = None


def check(expression: str) -> Parsed:
    """Parse a condition on C-MOVEs; what is wrong with it stands in the result."""
    return parse(expression, REQUEST)


def new_secret() -> str:
    """A signing secret of 32 random bytes."""
    return signing.PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def headers_of(target: WebhookTarget) -> dict[str, str]:
    found: dict[str, str] = json.loads(target.headers_json) if target.headers_json else {}
    return found


def shown_headers(target: WebhookTarget) -> dict[str, str]:
    """The headers as people may see them: values that are secrets, by the name of the header, are dots."""
    return {k: MASK if is_secret(k) else v for k, v in headers_of(target).items()}


def set_headers(target: WebhookTarget, headers: Mapping[str, str]) -> None:
    """Set the headers; dots as a value keep the present one.

    Raises:
        ValidationError: `headers`: a name or value that HTTP does not allow, or that the console sets itself.
    """
    kept = headers_of(target)
    values = {k: kept.get(k, "") if v == MASK else v for k, v in headers.items()}
    problems = [problem for name, value in values.items() if (problem := _problem(name, value))]
    if len(values) > MOST_HEADERS:
        problems.append(_("There are more than %(n)d headers.") % {"n": MOST_HEADERS})
    if problems:
        raise ValidationError({"headers": problems})
    target.headers_json = json.dumps(values) if values else ""


def save(
    actor: User, target: WebhookTarget, *, nodes: Iterable[Node] | None = None
) -> WebhookTarget:
    """Create the target or save its changes. A new one without a signing secret gets one.

    Args:
        nodes: None leaves them as they are.

    Raises:
        ValidationError: field -> messages; or it was changed since `target` was loaded.
    """
    with changing_configuration():
        stored = WebhookTarget.objects.filter(pk=target.pk).first()
        before = log.snapshot(stored, AUDITED, SECRETS) if stored else {}
        if stored is None and not target.secret:
            target.secret = new_secret()
        _check(target)
        if stored is not None:
            if stored.revision != target.revision:
                raise ValidationError(
                    _(
                        "Somebody else changed this target meanwhile. Look at it again, then change it."
                    )
                )
            target.revision = stored.revision + 1
            if target.secret != stored.secret:
                target.previous_secret = stored.secret
                target.previous_secret_until = timezone.now() + OLD_SECRET_WORKS_FOR
        if target.enforcement != Enforcement.DISABLED:
            target.disabled_because = ""
        target.save()
        if nodes is not None:
            target.nodes.set(nodes)
        changes = log.difference(before, log.snapshot(target, AUDITED, SECRETS))
        verb = "webhook_target.changed" if stored else "webhook_target.created"
        log.record(actor, verb, target, changes=changes)
    return target


def set_enforcement(actor: User, target: WebhookTarget, enforcement: str) -> WebhookTarget:
    """Make the target active, a dry run or disabled.

    Raises:
        ValidationError: there is no such enforcement.
    """
    fresh = WebhookTarget.objects.get(pk=target.pk)
    fresh.enforcement = enforcement
    return save(actor, fresh)


def replace_secret(actor: User, target: WebhookTarget) -> str:
    """Make a new signing secret, and return it; the old one signs, too, for another 24 hours."""
    fresh = WebhookTarget.objects.get(pk=target.pk)
    made = new_secret()
    fresh.secret = made
    save(actor, fresh)
    return made


def delete(actor: User, target: WebhookTarget) -> None:
    """Delete the target; its deliveries keep its name, and what still waits for it is given up by the nodes."""
    with changing_configuration():
        before = log.snapshot(target, AUDITED, SECRETS)
        changes = log.difference(before, {})
        log.record(actor, "webhook_target.deleted", target, changes=changes)
        target.delete()


def disable_gone(node: Node, pk: int, revision: int) -> None:
    """The receiver answered 410 (RFC 9110 section 15.5.11) to a node: disable the target, unless it was saved since."""
    with changing_configuration():
        found = WebhookTarget.objects.filter(pk=pk, revision=revision)
        target = found.exclude(enforcement=Enforcement.DISABLED).first()
        if target is None:
            return
        words = _("Its receiver answered 410, that it does not exist any more.")
        before = target.enforcement
        target.enforcement = Enforcement.DISABLED
        target.disabled_because = words
        target.revision += 1
        target.save(update_fields=["enforcement", "disabled_because", "revision", "updated_at"])
        changes = {"enforcement": [before, target.enforcement]}
        log.record(
            None,
            "webhook_target.disabled",
            target,
            message=words,
            changes=changes,
            actor_name=node.name,
        )


def test(actor: User, target: WebhookTarget, node: Node | None = None) -> TestResult:
    """Let a node send one test message, and wait for what comes of it, at most 40 seconds."""
    chosen = node or next((each for each in _nodes(target) if each.online), None)
    if chosen is None or not chosen.online:
        words = _(
            "No Orthanc that this target concerns is online; only they can reach the receiver."
        )
        return TestResult(False, words)
    data = {"target": target.pk, "revision": target.revision}
    command = nodes_services.ask(
        chosen, "webhook_test", data, actor, expires=timedelta(seconds=TEST_WAITS)
    )
    log.record(actor, "webhook_target.tested", target, message=chosen.name)
    command = nodes_services.wait_for(command, TEST_WAITS)
    if command.finished_at is None:
        return TestResult(False, _("The node did not answer in time."), chosen.name)
    said = command.result
    return TestResult(
        bool(command.ok),
        command.detail,
        chosen.name,
        said.get("status"),
        said.get("milliseconds"),
        said.get("delivery"),
    )


def _nodes(target: WebhookTarget) -> list[Node]:
    return list(target.nodes.all()) or list(Node.objects.all())


def _check(target: WebhookTarget) -> None:
    errors: dict[str, list[str]] = {}
    try:
        target.full_clean()
    except ValidationError as error:
        errors.update(error.message_dict)
    for field, problem in _problems(target):
        errors.setdefault(field, []).append(problem)
    if "expression" not in errors:
        parsed = check(target.expression)
        if parsed.errors:
            errors["expression"] = [
                f"{each.message} (line {each.line}, column {each.column}) {each.suggestion}".strip()
                for each in parsed.errors
            ]
        else:
            target.expression = parsed.text
    if errors:
        raise ValidationError(errors)


def _problems(target: WebhookTarget) -> Iterable[tuple[str, str]]:
    try:
        if target.url:
            template.check_url(target.url)
    except template.BadTemplate as error:
        yield "url", str(error)
    if target.method == Method.GET and target.body_template:
        yield "body_template", _("A GET has no body.")
    try:
        if target.body_template:
            template.check_body(target.body_template)
    except template.BadTemplate as error:
        yield "body_template", str(error)
    try:
        if target.secret:
            signing.key(target.secret)
    except signing.BadSecret as error:
        yield "secret", str(error)
    if target.username and target.bearer_token:
        yield "bearer_token", _("Use either a user name or a bearer token.")
    if target.mode == Mode.NOTIFY and target.on_timeout != "refuse":
        # A notification is waited for by nobody.
        target.on_timeout = "refuse"
    yield from _certificate_problems(target)


def _certificate_problems(target: WebhookTarget) -> Iterable[tuple[str, str]]:
    try:
        if target.client_certificate:
            x509.load_pem_x509_certificates(target.client_certificate.encode())
    except ValueError:
        yield "client_certificate", _("This is no certificate in PEM.")
    try:
        if target.ca_certificates:
            x509.load_pem_x509_certificates(target.ca_certificates.encode())
    except ValueError:
        yield "ca_certificates", _("These are no certificates in PEM.")
    if bool(target.client_certificate) != bool(target.client_key):
        yield (
            "client_key",
            _("A client certificate needs its private key, and the key its certificate."),
        )
    elif target.client_key:
        try:
            load_pem_private_key(target.client_key.encode(), None)
        except (ValueError, TypeError):
            yield "client_key", _("This is no private key in PEM without a password.")


def _problem(name: str, value: str) -> str:
    if not _HEADER_NAME.match(name):
        return _("“%(name)s” is no name of a header.") % {"name": name[:40]}
    if _OWN_HEADERS.match(name):
        return _("%(name)s is set by the console itself.") % {"name": name}
    if not _HEADER_VALUE.match(value):
        words = _("The value of %(name)s is empty, or has other characters than printable ASCII.")
        return words % {"name": name}
    return ""
