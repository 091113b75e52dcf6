"""Webhook targets, the C-MOVE requests that nodes received, and the messages about them."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from orthanc_console.fields import EncryptedTextField
from orthanc_console.nodes.models import Node
from routing.models import Study
from routing.models.rule import Enforcement


class Mode(models.TextChoices):
    NOTIFY = "notify", _("Notify: tell, and let the C-MOVE go on")
    GATE = "gate", _("Gate: ask, and go on only if the answer is 2xx")
    REPLACE = "replace", _("Replace: tell, and send nothing")


class Method(models.TextChoices):
    POST = "POST", _("POST, with a JSON body")
    GET = "GET", _("GET, everything in the address")


class OnTimeout(models.TextChoices):
    REFUSE = "refuse", _("refuse the C-MOVE")
    ALLOW = "allow", _("let the C-MOVE go on")


class WebhookTarget(models.Model):
    """An HTTP endpoint that is told of C-MOVEs, or asked about them."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    enforcement = models.CharField(
        _("enforcement"), max_length=10, choices=Enforcement.choices, default=Enforcement.ACTIVE
    )
    mode = models.CharField(_("mode"), max_length=10, choices=Mode.choices, default=Mode.NOTIFY)
    expression = models.TextField(_("condition"), max_length=4000, default="true")
    nodes = models.ManyToManyField(
        Node,
        verbose_name=_("nodes"),
        blank=True,
        related_name="webhook_targets",
        help_text=_("Which Orthancs tell it. None chosen means all."),
    )
    url = models.CharField(_("URL"), max_length=1000)
    method = models.CharField(
        _("method"), max_length=4, choices=Method.choices, default=Method.POST
    )
    # A JSON object, encrypted as a whole: the value of any header may be a secret.
    headers_json = EncryptedTextField(blank=True, default="")
    body_template = models.TextField(_("body"), blank=True, max_length=8000)
    username = models.CharField(_("user name"), max_length=100, blank=True)
    password = EncryptedTextField(_("password"), blank=True, default="")
    bearer_token = EncryptedTextField(_("bearer token"), blank=True, default="")
    secret = EncryptedTextField(_("signing secret"), blank=True, default="")
    # Also signed with until then, so that a receiver can change over at its own time.
    previous_secret = EncryptedTextField(blank=True, default="", editable=False)
    previous_secret_until = models.DateTimeField(null=True, editable=False)
    client_certificate = models.TextField(_("client certificate"), blank=True)
    client_key = EncryptedTextField(_("private key"), blank=True, default="")
    ca_certificates = models.TextField(_("certificate authorities"), blank=True)
    verify_certificate = models.BooleanField(_("check the receiver's certificate"), default=True)
    timeout_seconds = models.PositiveSmallIntegerField(
        _("time-out in seconds"),
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(30)],
    )
    on_timeout = models.CharField(
        _("without an answer in time"),
        max_length=10,
        choices=OnTimeout.choices,
        default=OnTimeout.REFUSE,
    )
    revision = models.PositiveIntegerField(default=1, editable=False)
    # Why the console itself disabled it: its receiver answered 410.
    disabled_because = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Outcome(models.TextChoices):
    RUNNING = "running", _("Under way")
    SENT = "sent", _("Sent")
    QUEUED = "queued", _("Sent in the background")
    REPLACED = "replaced", _("Replaced by a webhook")
    REFUSED = "refused", _("Refused by a webhook")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
    INTERRUPTED = "interrupted", _("Interrupted")


class MoveRequest(models.Model):
    """One C-MOVE that a node received. Identifiers are as they were sent, several joined by backslashes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="move_requests")
    study = models.ForeignKey(
        Study, on_delete=models.SET_NULL, null=True, related_name="move_requests"
    )
    level = models.CharField(max_length=10)
    patient_id = models.TextField(blank=True)
    accession_number = models.TextField(blank=True)
    study_instance_uid = models.TextField(blank=True)
    series_instance_uid = models.TextField(blank=True)
    sop_instance_uid = models.TextField(blank=True)
    source_aet = models.CharField(
        max_length=16, blank=True, help_text="AE title of Orthanc that was called"
    )
    target_aet = models.CharField(max_length=16, blank=True, help_text="Where the images are to go")
    originator_aet = models.CharField(max_length=16, blank=True, help_text="Who asked")
    originator_id = models.PositiveIntegerField(default=0, help_text="Message ID of the request")
    remote_ip = models.CharField(max_length=45, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, default=Outcome.RUNNING)
    detail = models.TextField(blank=True)
    instance_count = models.PositiveIntegerField(default=0)
    sent_count = models.PositiveIntegerField(default=0)
    # What each gate, or what replaced the move, said in time.
    answers = models.JSONField(default=list)
    received_at = models.DateTimeField(help_text="By the node's clock")
    finished_at = models.DateTimeField(null=True, help_text="By the node's clock")
    last_seq = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-received_at", "-id")
        indexes = (
            models.Index(fields=("-received_at", "-id")),
            models.Index(fields=("outcome", "-received_at")),
        )

    def __str__(self) -> str:
        return f"C-MOVE {self.originator_aet} → {self.target_aet}"


class DeliveryState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    DELIVERED = "delivered", _("Delivered")
    REFUSED = "refused", _("Answered no")
    FAILED = "failed", _("Failed")
    SKIPPED = "skipped", _("Skipped")


class WebhookDelivery(models.Model):
    """One message to one target. Made and numbered by the node; the console mirrors it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="webhook_deliveries")
    target = models.ForeignKey(
        WebhookTarget, on_delete=models.SET_NULL, null=True, related_name="deliveries"
    )
    target_name = models.CharField(max_length=100)
    move_request = models.ForeignKey(
        MoveRequest, on_delete=models.CASCADE, null=True, related_name="deliveries"
    )
    mode = models.CharField(max_length=10)
    cause = models.CharField(max_length=12, default="move")
    state = models.CharField(
        max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    reason = models.CharField(max_length=40, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    last_status = models.PositiveSmallIntegerField(null=True)
    created_at = models.DateTimeField(help_text="By the node's clock")
    delivered_at = models.DateTimeField(null=True)
    last_seq = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name_plural = "webhook deliveries"
        indexes = (
            models.Index(fields=("-created_at", "-id")),
            models.Index(fields=("state", "-created_at")),
            models.Index(fields=("target", "-created_at")),
        )

    def __str__(self) -> str:
        return f"webhook to {self.target_name}"


class WebhookAttempt(models.Model):
    """One call, with what was sent and what came back; secrets are hidden already by the node."""

    delivery = models.ForeignKey(
        WebhookDelivery, on_delete=models.CASCADE, related_name="attempt_set"
    )
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    milliseconds = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=12)  # succeeded, failed
    error = models.TextField(blank=True)
    request: models.JSONField[Any, Any] = models.JSONField(default=dict)
    response: models.JSONField[Any, Any] = models.JSONField(default=dict)

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(
                fields=("delivery", "number"), name="webhook_attempt_once_per_delivery"
            ),
        )

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.delivery_id}"
