"""A rule decides inside Orthanc as it does in the console: 500 pairs of a generated rule and a generated study."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from routing.conditions import StudyFacts, compile_condition, decide
from routing.language import parse
from tests.language_pairs import Facts, make_facts, make_rule
from tests.orthanc.site import Site, unique

RULES, STUDIES = 25, 20


def test_500_rules_and_studies_get_the_same_decision_in_orthanc_and_in_the_console(
    site: Site, tmp_path: Path
) -> None:
    rng = random.Random(2026)
    rules = {}
    for _ in range(RULES):
        made = site.rule(
            make_rule(rng, own_names=False), [], enforcement="dry_run", stop_on_match=True
        )
        rules[made["id"]] = made["expression"]
    site.settle()
    facts = {}
    for _ in range(STUDIES):
        generated = make_facts(rng, own_names=False)
        facts[site.send(_write(generated, tmp_path))] = generated
    results = set()
    for ident, generated in facts.items():
        decisions = site.decisions(ident)
        study = site.wait_for_study(ident)["id"]
        for rule, expression in rules.items():
            inside = decisions[rule]
            results.add(inside["result"])
            body = {"expression": expression, "study": study}
            outside = site.console.post("/rules/test/", body)
            assert inside["result"] == outside["result"], (expression, generated)
            assert inside["explanation"] == outside["explanation"], (expression, generated)
            assert inside["result"] == _decided(expression, generated), (expression, generated)
    assert results == {"match", "no_match", "undecided"}


def _decided(expression: str, facts: Facts) -> str:
    """The decision on what was written into the files."""
    condition = compile_condition(parse(expression).tree)
    return decide(condition, StudyFacts(**facts), now=datetime.now()).result


def _write(facts: Facts, folder: Path) -> list[Path]:
    """The study as DICOM files, one for each series."""
    folder = folder / unique("study")
    folder.mkdir()
    study_uid = generate_uid()
    return [
        _write_image({**facts["study"], **series}, study_uid, folder) for series in facts["series"]
    ]


def _write_image(tags: dict[str, Any], study_uid: str, folder: Path) -> Path:
    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 192"
    image.SOPClassUID = SecondaryCaptureImageStorage
    image.SOPInstanceUID = generate_uid()
    image.StudyInstanceUID = study_uid
    for keyword, value in tags.items():
        if keyword != "ModalitiesInStudy":
            setattr(image, keyword, value.split("\\") if "\\" in value else value)
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = folder / f"{image.SOPInstanceUID}.dcm"
    image.save_as(path, enforce_file_format=True)
    return path
