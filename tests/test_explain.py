"""Errors of Orthanc and DICOM are said in plain words, with what to do."""

from __future__ import annotations

import pytest

from routing import explain
from routing.models.delivery import State

TEXTS = [
    ("TCP Initialization Error: Connection refused", 9, "Nothing listens"),
    ("libCURL error: Couldn't connect to server", 9, "Nothing listens"),
    ("libCURL error: Couldn't resolve host name", 9, "host name is not known"),
    ("DUL Association Rejected", 9, "refused to talk"),
    ("Reason: Calling AE Title Not Recognized", 9, "does not know the AE title"),
    ("Called AE title not recognised", 9, "does not answer to the AE title"),
    ("DUL network read timeout", 9, "said nothing"),
    ("Peer aborted Association (or never connected)", 9, "broke the transfer off"),
    ("No presentation context for this SOP class", 9, "does not take this kind"),
    ("Refused: Out of Resources", 9, "no room"),
    ("Unable to determine the SOP class/instance for C-STORE", 2014, "not valid DICOM"),
    ("An instance was removed after the job was issued", -1, "deleted in Orthanc"),
    ("SSL certificate problem: unable to get local issuer", 9, "certificates do not fit"),
    ("The HTTP request has failed with status 401", 9, "user name and password"),
]


@pytest.mark.parametrize(("words", "code", "means"), TEXTS)
def test_it_knows_what_orthanc_says(words: str, code: int, means: str) -> None:
    explanation = explain.error(words, code)
    assert means in str(explanation.meaning)
    assert str(explanation.action)


def test_the_code_helps_where_words_are_missing() -> None:
    assert "reach the destination" in str(explain.error("", 9).meaning)


@pytest.mark.parametrize(("words", "code"), [("", None), ("Zork", None), ("Zork", 4711)])
def test_what_is_unknown_is_said_to_be_unknown(words: str, code: int | None) -> None:
    assert explain.error(words, code) == explain.UNKNOWN


def test_every_state_and_reason_has_words() -> None:
    assert set(State.values) == set(explain.STATES)
    assert all(str(explain.reason(code)) != code for code in explain.REASONS)
    assert explain.reason("new_code") == "new_code"
    assert explain.state("unknown") == ""
