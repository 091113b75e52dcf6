from __future__ import annotations

import pytest

from routing.language import parse


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ('Modality == "CT" and Modality == "MR"', "never", 'Modality == "MR"'),
        ('Modality == "CT" and Modality in ["MR", "US"]', "never", 'Modality in ["MR", "US"]'),
        ('Modality == "CT" and Modality != "CT"', "never", 'Modality != "CT"'),
        ("InstanceCount > 5 and InstanceCount < 5", "never", "InstanceCount < 5"),
        ("5 < InstanceCount and 3 >= InstanceCount", "never", "3 >= InstanceCount"),
        (
            'StudyDate > d"2024-01-01" and StudyDate < d"2023-01-01T10:00"',
            "never",
            'StudyDate < d"2023-01-01T10:00"',
        ),
        ('StudyTime > t"PT18H" and StudyTime < t"PT7H"', "never", 'StudyTime < t"PT7H"'),
        ('Modality != "CT" or Modality != "MR"', "always", 'Modality != "MR"'),
        ("false", "never", "false"),
        ("true and PatientID == '1'", "constant", "true"),
        ("PatientID == '1' or 1 == 2", "constant", "1 == 2"),
        ("Modality == 'ct'", "case", "Modality == 'ct'"),
        ("'ct' in ModalitiesInStudy", "case", "'ct' in ModalitiesInStudy"),
        ("not (true and Modality in ['CT', 'mr'])", "case", "Modality in ['CT', 'mr']"),
    ],
)
def test_it_warns_of_what_can_hardly_be_meant(text: str, code: str, place: str) -> None:
    parsed = parse(text)
    assert parsed.errors == []
    warning = parsed.warnings[-1]
    assert (warning.code, text[warning.start : warning.end]) == (code, place)


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "InstanceCount >= 5 and InstanceCount <= 5",
        'Modality == "CT" or Modality == "MR"',
        'Modality != "CT" and Modality != "MR"',
        'Modality in ["CT", "MR"] and Modality != "CT"',
        '"CT" in ModalitiesInStudy and "MR" in ModalitiesInStudy',
        'StationName == "ct" and InstanceCount > 5',
        'Modality == "CT" and (Modality == "MR" or SeriesNumber == 1)',
        "InstanceCount > SeriesCount and InstanceCount < SeriesCount",
        'PatientID == "a" and PatientName == "b"',
    ],
)
def test_it_does_not_warn_of_what_makes_sense(text: str) -> None:
    assert parse(text).warnings == []


def test_a_warning_says_what_to_write() -> None:
    (warning,) = parse("Modality == 'ct'").warnings
    assert warning.suggestion == '"CT"'
