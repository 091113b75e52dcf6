"""Reads the file, or the rule file of the router script, into plain values. Pure but for the words."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import yaml
from django.utils.translation import gettext as _

from routing.language import parse

FORMAT = "orthanc-console/1"
LONGEST = 512 * 1024
MOST = 2000
CORRECTIONS = 40


class ImportProblem(Exception):
    """What is wrong with a file; each of `problems` is a sentence. Nothing was brought in."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass
class Document:
    """What a file says. `notes` are what was changed to read it; `appended` rules go behind those that exist."""

    destinations: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    appended: bool = False


class _Loader(yaml.SafeLoader):
    """Refuses what could make a small file large, and a key that is there twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(_("references (*name) are not supported"))
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _value in node.value]
        twice = [str(key) for key in keys if keys.count(key) > 1]
        if twice:
            raise yaml.YAMLError(_("“%(key)s” is there twice") % {"key": twice[0]})
        return super().construct_mapping(node, deep)


def read(text: str) -> Document:
    """Read a file that `write` made, or the JSON list `[{"rule": ..., "destinations": [...]}]` of the router script.

    Raises:
        ImportProblem: it is neither.
    """
    if len(text) > LONGEST:
        raise ImportProblem([_("The file is larger than half a megabyte.")])
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - derived from SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ImportProblem([_("This is not YAML: %(error)s") % {"error": error}]) from error
    if isinstance(content, list):
        return _router_script(content)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ImportProblem(
            [_("The file does not begin with “format: %(format)s”.") % {"format": FORMAT}]
        )
    unknown = content.keys() - {"format", "destinations", "rules"}
    if unknown:
        raise ImportProblem(
            [_("“%(key)s” is not known in this file.") % {"key": sorted(map(str, unknown))[0]}]
        )
    return Document(_mappings(content, "destinations"), _mappings(content, "rules"))


def _mappings(content: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = content.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ImportProblem([_("“%(name)s” must be a list of entries.") % {"name": name}])
    if len(rows) > MOST:
        raise ImportProblem([_("There are more than %(n)d entries.") % {"n": MOST}])
    return rows


def _router_script(rows: list[Any]) -> Document:
    document = Document(appended=True)
    problems = []
    if len(rows) > MOST:
        raise ImportProblem([_("There are more than %(n)d entries.") % {"n": MOST}])
    for number, row in enumerate(rows, start=1):
        right = isinstance(row, dict) and isinstance(row.get("rule"), str)
        destinations = row.get("destinations") if right else None
        if not isinstance(destinations, list) or not all(isinstance(d, str) for d in destinations):
            problems.append(
                _("Entry %(n)d needs a “rule” and a list of “destinations”.") % {"n": number}
            )
            continue
        name = _("Router rule %(n)d") % {"n": number}
        text, changes = modernised(row["rule"])
        document.notes += [f"{name}: {change}" for change in changes]
        document.rules.append(
            {
                "name": name,
                "enforcement": "dry_run",
                "condition": text,
                "destinations": destinations,
            }
        )
    if problems:
        raise ImportProblem(problems)
    return document


def modernised(text: str) -> tuple[str, list[str]]:
    """A rule of the router script with its dates, times and numbers written as here, and what was changed.

    Only literals of another type are changed; a name that does not exist, for example, stays and is an error.
    """
    changes = []
    for _turn in range(CORRECTIONS):
        wrong = [
            each for each in parse(text).errors if each.code == "type_mismatch" and each.suggestion
        ]
        if not wrong:
            break
        first = wrong[0]
        before = text[first.start : first.end]
        text = text[: first.start] + first.suggestion + text[first.end :]
        changes.append(
            _("%(before)s became %(after)s") % {"before": before, "after": first.suggestion}
        )
    return text, changes
