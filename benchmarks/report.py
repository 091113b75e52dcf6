"""RESULTS.md: one section for each case, of the last run in which it was measured."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from benchmarks.rows import Row, markdown

INTRODUCTION = """# Results of `make bench`

Real Orthanc servers, the console and the sender on one machine, everything on loopback. Compare ratios, not seconds: each is of
one run, in which its baseline was measured, too. A load above the number of processors means that other work went on meanwhile.
"""


def write(path: Path, name: str, about: str, conditions: str, rows: Iterable[Row]) -> None:
    """Replace the section of one case, or add it at the end.

    Args:
        about: what the case asks.
        conditions: versions, sizes and the like of this run.
    """
    sections = _sections(path)
    sections[name] = f"{about}\n\n{conditions}\n\n{markdown(rows)}\n"
    parts = [f"## {title}\n\n{text.strip()}\n" for title, text in sections.items()]
    path.write_text("\n".join([INTRODUCTION, *parts]), encoding="utf-8")


def _sections(path: Path) -> dict[str, str]:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))
