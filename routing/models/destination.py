"""Where nodes can send, and how each node's lane to it does."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from orthanc_console.fields import EncryptedTextField
from orthanc_console.nodes.models import Node
from routing import hours


class Kind(models.TextChoices):
    MODALITY = "modality", _("DICOM modality (C-STORE)")
    PEER = "peer", _("Orthanc peer (HTTP)")
    DICOMWEB = "dicomweb", _("DICOMweb server (STOW-RS)")


class Source(models.TextChoices):
    CONSOLE = "console", _("made here")
    ORTHANC = "orthanc", _("found in Orthanc")


class Verify(models.TextChoices):
    NONE = "none", _("do not ask")
    COUNT = "count", _("count the instances")
    INSTANCES = "instances", _("compare every instance")
    COMMITMENT = "commitment", _("storage commitment")


# Only DICOM has storage commitment (PS3.4, annex J).
VERIFIES = {
    Kind.MODALITY: tuple(Verify.values),
    Kind.PEER: (Verify.NONE, Verify.COUNT, Verify.INSTANCES),
    Kind.DICOMWEB: (Verify.NONE, Verify.COUNT, Verify.INSTANCES),
}


def valid_hours(text: str) -> None:
    """Refuse what `routing.hours` cannot read.

    Raises:
        ValidationError: it says which part.
    """
    try:
        hours.parse(text)
    except hours.HoursError as error:
        raise ValidationError(str(error)) from error


class Destination(models.Model):
    """A DICOM node, an Orthanc peer or a DICOMweb server that studies can be sent to."""

    name = models.CharField(
        _("name"),
        max_length=64,
        validators=[
            RegexValidator(
                r"^[A-Za-z0-9_-]+\Z",
                _("Orthanc accepts only letters, digits, hyphens and underscores in this name."),
            )
        ],
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    source = models.CharField(
        max_length=10, choices=Source.choices, default=Source.CONSOLE, editable=False
    )
    nodes = models.ManyToManyField(
        Node,
        verbose_name=_("nodes"),
        blank=True,
        related_name="destinations",
        help_text=_("Which Orthancs may send there. None chosen means all."),
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    paused = models.BooleanField(_("paused"), default=False)
    aet = models.CharField(
        _("AE title"),
        max_length=16,
        blank=True,
        validators=[
            RegexValidator(
                r"^[\x21-\x5b\x5d-\x7e]([\x20-\x5b\x5d-\x7e]*[\x21-\x5b\x5d-\x7e])?\Z",
                _("An AE title has up to 16 ASCII characters, no backslash, no space at its ends."),
            )
        ],
    )
    host = models.CharField(
        _("host"),
        max_length=255,
        blank=True,
        validators=[
            RegexValidator(
                r"^[A-Za-z0-9:._-]+\Z", _("Give a host name or an IP address, without a scheme.")
            )
        ],
    )
    port = models.PositiveIntegerField(
        _("port"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(65535)],
    )
    url = models.CharField(_("URL"), max_length=500, blank=True)
    username = models.CharField(_("user name"), max_length=100, blank=True)
    password = EncryptedTextField(_("password"), blank=True, default="")
    verify = models.CharField(
        _("after sending"), max_length=10, choices=Verify.choices, default=Verify.NONE
    )
    max_in_flight = models.PositiveSmallIntegerField(
        _("jobs at a time"), default=2, validators=[MinValueValidator(1), MaxValueValidator(16)]
    )
    hours = models.CharField(
        _("hours"),
        max_length=200,
        blank=True,
        validators=[valid_hours],
        help_text=_("When studies may be sent, in the node's local time. Empty means always."),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # A destination that its Orthanc no longer has, kept for the history that names it.
    gone_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("name", "kind")

    def __str__(self) -> str:
        return self.name

    @property
    def address(self) -> str:
        """As a person writes it: `AET@host:port`, or the URL."""
        return f"{self.aet}@{self.host}:{self.port}" if self.kind == Kind.MODALITY else self.url


class Lane(models.Model):
    """The queue of one destination inside one node, as the node last reported it."""

    class State(models.TextChoices):
        IDLE = "idle", _("Idle")
        SENDING = "sending", _("Sending")
        WAITING = "waiting", _("Waiting")
        FAILING = "failing", _("Failing")
        HELD = "held", _("Held")

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="lanes")
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="lanes")
    state = models.CharField(max_length=10, choices=State.choices, default=State.IDLE)
    waiting = models.PositiveIntegerField(default=0)
    in_flight = models.PositiveIntegerField(default=0)
    # `open` while the destination does not answer: it is probed, and nothing is sent.
    breaker = models.CharField(max_length=10, default="closed")
    # Percent of each job in flight.
    progress = models.JSONField(default=list)
    next_attempt_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    # Set by an answer of Orthanc that the destination cannot work at all, such as a refused name.
    problem = models.TextField(blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("destination__name", "node__name")
        constraints = (
            models.UniqueConstraint(fields=("node", "destination"), name="lane_once_per_node"),
        )

    def __str__(self) -> str:
        return f"{self.node} → {self.destination}"
