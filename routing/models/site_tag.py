"""Private tags that a site gives names to."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class SiteTag(models.Model):
    """A name for a private data element (PS3.5 section 7.8.1), which rules can then read.

    Nodes read it from the first image of each series, and only when a rule uses it.
    """

    class Type(models.TextChoices):
        TEXT = "text", _("text")
        NUMBER = "number", _("number")
        DATE = "date", _("date")
        DATETIME = "datetime", _("date and time")
        TIME = "time", _("time of day")

    name = models.CharField(
        _("name"),
        max_length=64,
        unique=True,
        validators=[
            RegexValidator(
                r"^[A-Z][A-Za-z0-9]*\Z",
                _("Begin with a capital letter; letters and digits only, as in GeScanOptions."),
            )
        ],
    )
    group = models.CharField(
        _("group"),
        max_length=4,
        validators=[
            RegexValidator(
                r"^[0-9a-f]{3}[13579bdf]\Z",
                _("Four hexadecimal digits; the group of a private tag is odd, as in 0019."),
            )
        ],
    )
    creator = models.CharField(
        _("private creator"),
        max_length=64,
        validators=[RegexValidator(r"^[^\\\x00-\x1f]+\Z", _("This is no private creator."))],
        help_text=_("Who defined it, as in GEMS_ACQU_01."),
    )
    element = models.CharField(
        _("element"),
        max_length=2,
        validators=[
            RegexValidator(r"^[0-9a-f]{2}\Z", _("The last two hexadecimal digits, as in 9c."))
        ],
        help_text=_("The last two digits: the first two differ from file to file."),
    )
    type = models.CharField(_("type"), max_length=10, choices=Type.choices, default=Type.TEXT)
    many = models.BooleanField(_("can have several values"), default=False)
    description = models.CharField(_("description"), max_length=200, blank=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("group", "creator", "element"), name="site_tag_once"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def address(self) -> str:
        """As standards write it: `(0019,xx9C) GEMS_ACQU_01`."""
        return f"({self.group.upper()},xx{self.element.upper()}) {self.creator}"
