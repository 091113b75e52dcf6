from __future__ import annotations

import pytest

from routing.conditions import SYMBOLS
from routing.language import symbols_catalogue
from routing.language.symbols import all_symbols


@pytest.mark.parametrize(
    ("name", "kind", "scope"),
    [
        ("SliceThickness", "number", "series"),
        ("SeriesNumber", "number", "series"),
        ("StudyDate", "date", "study"),
        ("StudyTime", "time", "study"),
        ("AcquisitionDateTime", "datetime", "series"),
        ("PatientAge", "text", "study"),
        ("PatientName", "text", "study"),
        ("ImageType", "list of texts", "series"),
        ("PixelSpacing", "list of numbers", "series"),
        ("ModalitiesInStudy", "list of texts", "study"),
        ("Modality", "text", "series"),
        ("SmallestImagePixelValue", "number", "series"),
        ("RemoteAET", "text", "study"),
        ("Labels", "list of texts", "study"),
        ("InstanceCount", "number", "study"),
        ("ReceivedAt", "datetime", "study"),
    ],
)
def test_a_name_has_the_type_and_scope_of_the_dictionary(name: str, kind: str, scope: str) -> None:
    symbol = all_symbols()[name]
    assert (str(symbol.kind), symbol.scope) == (kind, scope)


@pytest.mark.parametrize(
    "name", ["PixelData", "RequestAttributesSequence", "RedPaletteColorLookupTableData", ""]
)
def test_what_is_binary_or_a_sequence_is_no_name(name: str) -> None:
    assert name not in all_symbols()


def test_the_names_that_are_no_dicom_keywords_are_all_there() -> None:
    assert tuple(all_symbols())[: len(SYMBOLS)] == SYMBOLS
    assert not any(all_symbols()[name].tag for name in SYMBOLS)


def test_completion_finds_names_by_their_beginning_first() -> None:
    names = [entry["name"] for entry in symbols_catalogue("series", limit=200)]
    assert names[:2] == ["SeriesCount", "SeriesDescriptions"]
    assert names.index("SeriesDescription") < names.index("NumberOfStudyRelatedSeries")
    assert len(symbols_catalogue("s", limit=7)) == 7


def test_completion_finds_tags_and_the_clock() -> None:
    assert symbols_catalogue("0018,0050") == [
        {
            "name": "SliceThickness",
            "type": "number",
            "list": False,
            "scope": "series",
            "description": "Slice Thickness",
            "tag": "(0018,0050)",
            "vr": "DS",
            "vm": "1",
        }
    ]
    assert [entry["name"] for entry in symbols_catalogue("$")] == ["$now", "$today"]
