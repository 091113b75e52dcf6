from __future__ import annotations

import pytest

from routing.language import parse


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            '"CT" in ModalitiesInStudy and StudyDate > d"2000-01-01"',
            "Studies whose ModalitiesInStudy contain CT and whose StudyDate is after 2000-01-01",
        ),
        ("true", "Every study."),
        ("false", "No study."),
        (
            'Modality in ["CT", "MR", "US"]',
            "Studies with a series whose Modality is one of CT, MR or US",
        ),
        (
            'StudyDate < $now - t"P365D" or StudyDate == $today',
            "Studies whose StudyDate is before 365 days ago or whose StudyDate is today",
        ),
        ("5 < InstanceCount", "Studies whose InstanceCount is more than 5"),
        (
            'not (PatientID == "1" and InstanceCount >= 2)',
            "Studies for which it is not true that (PatientID is 1 and InstanceCount is at least 2)",
        ),
        (
            'PatientID == "1" and (InstanceCount < 2 or "x" not in Labels)',
            "Studies whose PatientID is 1 and whose (InstanceCount is less than 2"
            " or Labels do not contain x)",
        ),
        (
            'StudyDescription =~~ "T[12]" and "HEAD" in StudyDescription',
            "Studies whose StudyDescription contains the pattern “T[12]”"
            " and whose StudyDescription contains HEAD",
        ),
        ('StationName.starts_with("CT")', "Studies with a series whose StationName begins with CT"),
        ("StudyDate.weekday == 'Sunday'", "Studies whose weekday of StudyDate is Sunday"),
        ('StudyTime >= t"PT18H30M"', "Studies whose StudyTime is at least 18 hours 30 minutes"),
        ("RemoteAET == 'CT 1'", "Studies whose RemoteAET is “CT 1”"),
    ],
)
def test_a_sentence_says_what_the_rule_selects(text: str, sentence: str) -> None:
    assert parse(text).sentence == sentence
