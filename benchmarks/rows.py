"""Rows of results, and how they are printed and written down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """One result.

    Attributes:
        measured: what was measured.
        value: the number with its unit or the ratio, with its spread where there is one.
        setting: size, version and settings that it holds for.
        required: what it must be; empty for a number that is only told.
        met: whether it is so; None where nothing is required.
    """

    measured: str
    value: str
    setting: str
    required: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """`yes`, `no`, or empty."""
        return "" if self.met is None else "yes" if self.met else "NO"

    def cells(self) -> list[str]:
        """The row as the columns of `HEADINGS`."""
        return [self.measured, self.value, self.setting, self.required, self.verdict]


HEADINGS = ("measured", "result", "setting", "required", "met")


def at_most(measured: str, value: float, limit: float, unit: str, setting: str, **more: str) -> Row:
    """A row whose value must not be above the limit. `more`: `spread` is appended to the value."""
    return _judged(measured, value, f"≤ {limit:g}{unit}", value <= limit, unit, setting, **more)


def at_least(
    measured: str, value: float, limit: float, unit: str, setting: str, **more: str
) -> Row:
    """A row whose value must not be below the limit."""
    return _judged(measured, value, f"≥ {limit:g}{unit}", value >= limit, unit, setting, **more)


def all_of(measured: str, number: int, total: int, setting: str) -> Row:
    """A row that must hold for every one."""
    return Row(measured, f"{number} of {total}", setting, f"{total} of {total}", number == total)


def none_of(measured: str, number: int, total: int, setting: str) -> Row:
    """A row that must hold for no one."""
    return Row(measured, f"{number} of {total}", setting, f"0 of {total}", number == 0)


def _judged(
    measured: str,
    value: float,
    required: str,
    met: bool,
    unit: str,
    setting: str,
    spread: str = "",
) -> Row:
    return Row(measured, f"{short(value)}{unit}{spread}", setting, required, met)


def short(value: float) -> str:
    """A number with three digits that matter."""
    if value and abs(value) < 0.1:
        return f"{value:.3f}"
    return f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"


def spread(values: Sequence[float], unit: str = "") -> str:
    """Median and range of several measurements."""
    low, high = short(min(values)), short(max(values))
    return f"{short(median(values))}{unit} ({low} to {high})"


def around(values: Sequence[float]) -> str:
    """Only the range, to stand behind a median."""
    return f" ({short(min(values))} to {short(max(values))})"


def markdown(rows: Iterable[Row]) -> str:
    """The rows as a table of Markdown."""
    lines = [_line(HEADINGS), _line(["---"] * len(HEADINGS))]
    return "\n".join([*lines, *(_line(row.cells()) for row in rows)])


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def plain(row: Row) -> str:
    """The row for a terminal."""
    judged = f"   required {row.required}: {row.verdict}" if row.required else ""
    return f"  {row.measured}: {row.value}{judged}\n      {row.setting}"
