"""Rules that were written to hurt: made by hand, and generated from the same tricks."""

from __future__ import annotations

import random
from collections.abc import Iterator

LIMIT = 4_000

BY_HAND = (
    # Constants that grow when they are evaluated.
    "9**9**9**9 > 1",
    '"a" * 1000000000 == "b"',
    "1e308 * 1e308 > 1",
    "1 / 0 == 1",
    "1 // 0 == 1",
    "1 % 0 == 1",
    "1e100 // 1e-100 == 1",
    "0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF > 1",
    "1e999999999 > 1",
    "1 << 99999999 > 1",
    "[x for x in $range(99999999)]",
    "$sum($range(99999999)) > 1",
    "$map($abs, [1]) == [1]",
    '$parse_float("9" ) > 1',
    "$random(9) > 1",
    'd"9999-12-31" + t"P999999999D" > $now',
    'd"0001-01-01" - t"P999999999D" < $now',
    f't"P{"9" * 300}D" > t"P1D"',
    f"{'9' * 3900} > 1",
    # Ways out of the language.
    '"".__class__ == ""',
    'Modality.__class__.__mro__ == ""',
    "Modality.to_str.__globals__",
    '__import__("os") == ""',
    '(Modality).format("{0.__class__}") == ""',
    'Modality.encode("idna") == ""',
    'Modality.starts_with("a", "b")',
    "Modality.starts_with.length > 1",
    "$re_groups[0] == 1",
    "$builtins == 1",
    "Modality&.length > 1",
    "Modality&[0] == 1",
    "{1: 2}[1] == 2",
    "null ?? null",
    "true ? true : true",
    # Unicode tricks.
    "\N{CYRILLIC CAPITAL LETTER EM}odality == 1",
    "Modality\u200b == 1",
    "\u202eytiladoM == 1",
    "\ufeffModality == 1",
    'Modality == "\ud800"',
    'Modality == "\\ud800"',
    'Modality == "\\N{NULL}"',
    'Modality == "\\x00"',
    "\0",
    "Modality == \N{ARABIC-INDIC DIGIT ONE}",
    "ª == 1",
    "\N{MATHEMATICAL BOLD CAPITAL M}odality == 1",
    'Modality == "' + "é" * 3900 + '"',
    'Modality == "' + "\\U0001F600" * 300 + '"',
    # Depth and size.
    "(" * 3990,
    "(" * 1990 + "true" + ")" * 1990,
    "not " * 990 + "true",
    "-" * 3990 + "1 > 1",
    "[" * 1990 + "]" * 1990,
    "Modality" + ".as_lower" * 440,
    "ImageType" + "[0]" * 1300,
    "Modality" + '.starts_with("a")' * 220,
    "1 + " * 990 + "1 > 1",
    "true and " * 440 + "true",
    "true or false and " * 220 + "true",
    "InstanceCount in [" + "1," * 1980 + "]",
    "InstanceCount in {" + "1," * 1980 + "}",
    'Modality in ["' + '","'.join("x" * 10 for _ in range(300)) + '"]',
    "Modality == " * 300 + "1",
    "X" * 3990,
    " ".join(f"X{number}" for number in range(700)),
    " and ".join(f"Xodality{number} == 1" for number in range(180)),
    " or ".join(f"StudyDescripti{number} == 1" for number in range(180)),
    "\n" * 3990,
    "#" * 3990,
    "true #" + "x" * 3990,
    '"' * 3990,
    '"' + "\\" * 3990,
    "true" + " " * 3990,
    "😀" * 3990,
    # Patterns that backtrack.
    'Modality =~ "(a+)+$"',
    'Modality =~~ "(a|a)*b"',
    'Modality =~~ "' + "(" * 400 + "a" + ")*" * 400 + '"',
    'Modality =~~ "' + "a?" * 240 + '"',
    'Modality =~~ "(?i)[\\u0000-\\uffff]"',
    'Modality =~~ "' + "(?i:[\\u0000-\\u03e0])" * 20 + '"',
    'Modality =~~ "' + "[^a]*" * 90 + '"',
    'Modality =~~ "((a{0,99}){0,99}){0,99}"',
    'Modality =~~ "(?:(?:(?:a{60}){60}){60}){60}"',
    'Modality =~~ "a{4294967294}"',
    'Modality =~~ "' + "(?:a|b|" * 60 + "c" + ")" * 60 + '"',
    'Modality =~~ "' + "|".join("ab" for _ in range(160)) + '"',
    'Modality =~~ "[[a]"',
    'Modality =~~ "(?P<x>a)(?P=x)"',
    " and ".join(['StudyDescription =~~ "a.*b.*c.*"'] * 110),
)
_ATOMS = (
    *("Modality", "StudyDate", "ImageType", "InstanceCount", "Foo", "$now", "$range(9)", "null"),
    *("1", "-1", "1e99", "0x1F", '"CT"', '"' + "a" * 60 + '"', 'r"\\d+"', 'b"x"', "true", "nan"),
    *('d"2024-01-31"', 't"P1D"', "[1, 2]", "{1}", "{}", "[]", "($now - StudyDate)", "ImageType[0]"),
    *("Modality.as_lower", "Modality.length", 'Modality.starts_with("C")', "Modality.__init__"),
)
_OPERATORS = (
    *("==", "!=", "<", ">=", "=~", "=~~", "!~~", "in", "not in", "and", "or", "+", "-", "*", "/"),
    *("//", "%", "**", "&", "|", "??", "?", ":", ",", "."),
)
_PIECES = ("a", "b", ".", "\\w", "[ab]", "[^c]", "(a|ab)", "(?:ab)", "(a?b)", "(?i:x)", "\\b", "^")
_REPEATS = ("", "", "", "", "", "*", "+", "?", "*?", "+?", "{2,9}", "{1,70}", "{3}", "{0,}", "*+")


def hostile_rules(count: int, seed: int = 1) -> Iterator[str]:
    """Yield the rules made by hand, then generated ones."""
    yield from BY_HAND
    rng = random.Random(seed)
    for number in range(max(0, count - len(BY_HAND))):
        yield (_soup, _tower, _pattern, _mangled)[number % 4](rng)[:LIMIT]


def _soup(rng: random.Random) -> str:
    words = [
        rng.choice(_ATOMS + _OPERATORS + ("(", ")", "not")) for _ in range(rng.randint(1, 300))
    ]
    return " ".join(words)


def _tower(rng: random.Random) -> str:
    text = rng.choice(_ATOMS)
    for _ in range(rng.randint(1, 60)):
        left, right = rng.choice((("(", ")"), ("not (", ")"), ("-", ""), ("[", "]"), ("", "[0]")))
        other = f" {rng.choice(_OPERATORS)} {rng.choice(_ATOMS)}" if rng.random() < 0.7 else ""
        text = f"{left}{text}{other}{right}"
    return text


def _pattern(rng: random.Random) -> str:
    pattern = _sequence(rng, 0) + rng.choice(("", "$", "c", "x{2}"))
    operator = rng.choice(("=~", "=~~", "!~", "!~~"))
    return f'SeriesDescription {operator} "{pattern}"'.replace("\\", "\\\\")


def _sequence(rng: random.Random, depth: int) -> str:
    text = ""
    for _ in range(rng.randint(1, 4)):
        piece = rng.choice(_PIECES)
        if depth < 2 and rng.random() < 0.2:
            piece = f"(?:{'|'.join(_sequence(rng, depth + 1) for _ in range(rng.randint(1, 3)))})"
        text += piece + rng.choice(_REPEATS)
    return text


def _mangled(rng: random.Random) -> str:
    text = list(rng.choice(BY_HAND[:20]) + " and " + rng.choice(BY_HAND))
    for _ in range(rng.randint(1, 8)):
        text[rng.randrange(len(text))] = chr(
            rng.choice((34, 40, 92, 0x200B, rng.randrange(0x2FFF)))
        )
    return "".join(text)
