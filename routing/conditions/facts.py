"""What is known of a study, as conditions read it: converted when first read, then kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from routing.conditions.kinds import Kind
from routing.conditions.values import ABSENT, Reading, is_absent, read, shown

# The names of rules that are no DICOM keywords, in the order in which the console lists them.
SYMBOLS = (
    "RemoteAET",
    "CalledAET",
    "RemoteIP",
    "Labels",
    "InstanceCount",
    "SeriesCount",
    "StudySizeMB",
    "PatientAgeYears",
    "SeriesDescriptions",
    "Node",
    "ReceivedAt",
)


class Field(NamedTuple):
    """A name that a condition reads, with the kind of its value and where it is looked up."""

    name: str
    kind: Kind
    of_series: bool
    key: str

    @classmethod
    def make(cls, name: str, kind: Kind, *, of_series: bool) -> Field:
        """Equal fields have the same ``key``: their place among the converted values."""
        return cls(name, kind, of_series, f"{name} {kind.type} {kind.is_list} {of_series}")


class Scope:
    """What one evaluation reads: the study alone, or the study overlaid by one of its series."""

    __slots__ = ("_facts", "_series", "_study", "seen", "values")

    def __init__(
        self,
        facts: StudyFacts,
        study: Scope | None = None,
        series: Mapping[str, object] | None = None,
    ) -> None:
        self._facts = facts
        self._study = study
        self._series = series
        self.values: dict[str, Any] = {}
        # What explanations show of the values, by field and by the longest text that a pattern takes.
        self.seen: dict[tuple[str, int | None], dict[str, Any]] = {}

    def load(self, field: Field) -> Any:
        """Convert a value and keep it; None when it is absent or cannot be read."""
        if self._study is not None and not field.of_series:
            known = self._study.values
            value = known[field.key] if field.key in known else self._study.load(field)
        else:
            value = self.reading(field).value
        self.values[field.key] = value
        return value

    def reading(self, field: Field) -> Reading:
        """Convert a value, and tell why there is none."""
        raw = self.raw(field)
        return Reading(None, ABSENT) if raw is None else read(raw, field.kind)

    def raw(self, field: Field) -> object | None:
        """The value as it was given, or None when it is absent."""
        if field.of_series and self._series is not None:
            raw = self._series.get(field.name)
            if not is_absent(raw):
                return raw
        return self._facts.raw(field.name, of_series=field.of_series)


class StudyFacts:
    """The facts of one study, for any number of rules.

    ``study`` maps DICOM keywords and the console's own names (``RemoteAET``, ``Labels``,
    ``InstanceCount``...) to values as Orthanc gives them: text, the values of a list joined by
    backslashes, or JSON numbers and lists. ``series`` is one such mapping for each series.
    ``ReceivedAt`` is local time of the node, as ISO 8601 or DICOM DT. A name that is missing or
    has an empty value is absent. Both must stay as they are while decisions about the study are in
    use.

    An attribute of the study that only series carry is read from the first series that has it.
    """

    def __init__(self, study: Mapping[str, object], series: Sequence[Mapping[str, object]]) -> None:
        self.study = study
        self.series = series
        self.whole = Scope(self)
        self.each = [Scope(self, self.whole, facts) for facts in series]

    def raw(self, name: str, *, of_series: bool = False) -> object | None:
        """The value that the study gives to a name, derived where the name is a derived one."""
        raw = self.study.get(name)
        if not is_absent(raw):
            return raw
        if not of_series:
            for facts in self.series:
                if not is_absent(facts.get(name)):
                    return facts[name]
        derive = _DERIVED.get(name)
        return derive(self) if derive else None

    def all_of_series(self, name: str) -> list[str]:
        """The values that the series have, in their order."""
        raws = (facts.get(name) for facts in self.series)
        return [shown(raw).strip() for raw in raws if not is_absent(raw)]


def _age_in_years(facts: StudyFacts) -> object | None:
    """Completed years: from the age (PS3.5 section 6.2, AS), else from birth date to study date."""
    age = shown(facts.raw("PatientAge") or "").strip()
    if len(age) == 4 and age[:3].isdecimal() and age[3] in _AGE_UNITS:
        return _AGE_UNITS[age[3]](int(age[:3]))
    born = read(facts.raw("PatientBirthDate"), Kind("date")).value
    studied = read(facts.raw("StudyDate"), Kind("date")).value
    if born is None or studied is None or studied < born:
        return None
    return _completed_years(born, studied)


def _completed_years(born: dt.datetime, on: dt.datetime) -> int:
    had_birthday = (on.month, on.day) >= (born.month, born.day)
    return on.year - born.year - (0 if had_birthday else 1)


_AGE_UNITS: dict[str, Callable[[int], int]] = {
    "Y": lambda count: count,
    "M": lambda count: count // 12,
    "W": lambda count: count * 7 * 100 // 36525,
    "D": lambda count: count * 100 // 36525,
}


def _series_descriptions(facts: StudyFacts) -> object | None:
    return facts.all_of_series("SeriesDescription") or None


def _modalities(facts: StudyFacts) -> object | None:
    return list(dict.fromkeys(facts.all_of_series("Modality"))) or None


_DERIVED: dict[str, Callable[[StudyFacts], object | None]] = {
    "PatientAgeYears": _age_in_years,
    "SeriesDescriptions": _series_descriptions,
    "ModalitiesInStudy": _modalities,
}
# What has to be known for a derived name.
DERIVED_FROM = {
    "PatientAgeYears": ("PatientAge", "PatientBirthDate", "StudyDate"),
    "SeriesDescriptions": ("SeriesDescription",),
    "ModalitiesInStudy": ("Modality",),
}
