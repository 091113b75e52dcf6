"""The tables of docs/rules.md, made from those that the language and the builder work with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from routing.builder import OPERATORS, Operator
from routing.conditions.kinds import COMPARISONS, METHODS, TYPES, Kind, attributes, can_compare
from routing.language.symbols import all_symbols

_TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_KINDS = tuple(Kind(type_) for type_ in TYPES if type_ != "duration")
_EXAMPLES = {"text": '"CT"', "number": "2", "date": 'd"2024-01-31"', "time": 't"PT18H"'}


def filled(page: str) -> str:
    """The page with each table made anew: what is between `<!-- table: NAME -->` and `<!-- end -->`."""
    return _TABLE.sub(lambda found: f"{found[1]}{_TABLES[found[2]]()}{found[3]}", page)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _operators() -> str:
    rows = []
    for op in COMPARISONS:
        left = [str(kind) for kind in _KINDS if can_compare(op, kind, _right(op, kind))]
        rows.append((f"`{op}`", ", ".join(left), _with_list(op)))
    return _table(("operator", "between", "with lists"), rows)


def _right(op: str, kind: Kind) -> Kind:
    return Kind(kind.type, True) if op in ("in", "not in") else kind


def _with_list(op: str) -> str:
    if op in ("in", "not in"):
        return "a value in a list; a text in a text"
    listed = Kind("text", True)
    return "the whole list" if can_compare(op, listed, listed) else "no"


def _attributes() -> str:
    kinds = [*(Kind(type_) for type_ in TYPES), Kind("text", True)]
    rows = []
    for kind in kinds:
        known = attributes(kind)
        written = [f"`.{name}` ({result})" for name, (result, _function) in known.items()]
        if kind.type == "text" and not kind.is_list:
            written += [f'`.{name}("...")` (boolean)' for name in METHODS]
        if written:
            rows.append(("any list" if kind.is_list else str(kind), ", ".join(written)))
    return _table(("of a", "there is (and it is a)"), rows)


def _names() -> str:
    own = [symbol for symbol in all_symbols().values() if not symbol.tag]
    return _table(
        ("name", "type", "is"),
        ((f"`{each.name}`", str(each.kind), each.description) for each in own),
    )


def _builder() -> str:
    rows = ((str(each.words), ", ".join(each.kinds), f"`{_written(each)}`") for each in OPERATORS)
    return _table(("in the builder", "for", "as text"), rows)


def _written(operator: Operator) -> str:
    field = {"text": "Modality", "number": "SliceThickness", "time": "StudyTime"}
    kind = operator.kinds[0]
    name = field.get(kind, "StudyDate")
    value = _EXAMPLES.get(kind, '"CT"')
    shapes: dict[str, str] = {
        "compare": f"{name} {operator.op} {value}",
        "list": f'{name} {operator.op} ["CT", "MR"]',
        "has": f'"CT" {operator.op} ModalitiesInStudy',
        "part": f'"HEAD" {operator.op} StudyDescription',
        "method": f'StationName.{operator.op}("CT")',
        "ago": f'{name} {operator.op} $today - t"P30D"',
    }
    return shapes[operator.shape]


_TABLES: dict[str, Callable[[], str]] = {
    "operators": _operators,
    "attributes": _attributes,
    "names": _names,
    "builder": _builder,
}
