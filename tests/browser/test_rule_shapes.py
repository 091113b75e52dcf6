"""What the builder draws of any rule, it gives back as the same rule."""

from __future__ import annotations

import json
import random

import pytest
from playwright.sync_api import Page

from routing import builder
from routing.language import parse, parse_tree
from tests import language_pairs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ROUND_TRIP = """async ([trees, config]) => {
  const shapes = await import("/static/js/rules/shapes.js");
  const drawn = trees.map((tree) => shapes.fromTree(tree, config.operators));
  const kinds = (part) => part.parts ? part.parts.flatMap(kinds) : [part.kind];
  return {
    trees: drawn.map((group) => shapes.toTree(group, config.operators)),
    kinds: drawn.flatMap(kinds),
  };
}"""
BY_HAND = (
    'not (not (Modality == "CT"))',
    'not (Modality == "CT" and (RemoteAET == "A" or not (PatientID == "7")))',
    'Modality == "CT" and (true or RemoteAET == "A")',
    'Modality in ["C,T", " MR", "a\\nb"]',
    'StudyDescription == "" or "" in StudyDescription',
    'StudyTime > t"PT0M" and StudyTime < t"PT7H30M15S" or StudyTime == t"PT23H59M"',
    'StudyDate >= $today - t"P30D" and StudyDate < $now - t"P1DT6H"',
    'StudyDate > d"2024-01-31T18:30" and d"2024-01-31" < StudyDate',
    "SliceThickness < -0.5e-7 or SliceThickness > 123456789012345",
    '2 < SliceThickness and "CT" == Modality and 30 in PixelSpacing',
    'ImageType == ["ORIGINAL", "PRIMARY"]',
)


def test_every_rule_survives_being_drawn(alice_page: Page) -> None:
    rng = random.Random(23)
    texts = [*BY_HAND, *(language_pairs.make_rule(rng) for _number in range(300))]
    parsed = [parse(text) for text in texts]
    assert [each.errors for each in parsed if each.errors] == []
    config = json.loads(json.dumps(builder.as_config()))
    answer = alice_page.evaluate(ROUND_TRIP, [[each.tree for each in parsed], config])
    for each, tree in zip(parsed, answer["trees"], strict=True):
        again = parse_tree(tree if tree is not None else {"value": True, "type": "boolean"})
        assert again.errors == [], each.text
        assert again.text == each.text.partition("  # ")[0]
    assert answer["kinds"].count("row") > 2 * answer["kinds"].count("chip") > 0
