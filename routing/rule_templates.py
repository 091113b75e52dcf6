"""Rules that most sites begin with, as a filled-in form. Pure but for the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from routing.conditions.text import quote


class Template(NamedTuple):
    """A starting point; `condition` has at most one place `{value}`, which gets what the site's studies have most."""

    key: str
    icon: str
    name: Promise
    words: Promise
    condition: str
    sample: str = ""
    otherwise: str = ""
    level: str = "study"

    def expression(self, samples: Mapping[str, Sequence[str]]) -> str:
        """The condition with a value of this site, or with an example."""
        known = samples.get(self.sample) or (self.otherwise,)
        return self.condition.replace("{value}", quote(known[0]))


TEMPLATES = (
    Template(
        "modality",
        "scan",
        _("All CT to one PACS"),
        _("Every study that has CT images. Change CT to any other modality."),
        '"CT" in ModalitiesInStudy',
    ),
    Template(
        "sender",
        "device-desktop",
        _("Everything from one scanner"),
        _("By the AE title of the modality that sent it."),
        "RemoteAET == {value}",
        "RemoteAET",
        "CT1",
    ),
    Template(
        "research",
        "flask",
        _("A subset for research"),
        _("By words in the description, without tests; capital and small letters count the same."),
        'StudyDescription =~~ "(?i)research|study arm" and not (PatientID =~ "(?i)test")',
    ),
    Template(
        "priors",
        "history",
        _("Recent studies of adults"),
        _("By the patient's age, and not older than five years: what is needed as a prior."),
        'PatientAgeYears >= 18 and StudyDate >= $today - t"P1826D"',
    ),
    Template(
        "night",
        "moon",
        _("What comes in at night"),
        _(
            "By the hour of reception, for teleradiology. To send by day what came at any time only at night, "
            "give the destination its hours instead."
        ),
        "ReceivedAt.hour >= 20 or ReceivedAt.hour < 6",
    ),
    Template(
        "thin",
        "layers-subtract",
        _("Only the thin series"),
        _("The series with slices of at most 1.25 mm, for reconstruction; the others stay."),
        'Modality == "CT" and SliceThickness <= 1.25',
        level="series",
    ),
)


def find(key: str) -> Template | None:
    return next((each for each in TEMPLATES if each.key == key), None)
