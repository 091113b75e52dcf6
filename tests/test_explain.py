"""Errors of Orthanc and DICOM are said in plain words, with what to do.

The texts are what Orthanc 1.10.1, 1.12.7 and 1.13.0 said when each of these was provoked.
"""

from __future__ import annotations

import pytest

from routing import explain
from routing.explain import About
from routing.models import Destination
from routing.models.delivery import State

NETWORK = "Error in the network protocol"
CONNECTING = f'{NETWORK}: DicomAssociation - connecting to AET "PACS":'
PACS = About("modality", "ORTHANC_MAIN", "PACS", "pacs.example.org:104")
PEER = About("peer", "ORTHANC_MAIN", "", "http://peer.example.org:8042/")
DICOMWEB = About("dicomweb", "ORTHANC_MAIN", "", "https://vna.example.org/dicom-web/")

DICOM = [
    (
        f"{CONNECTING} TCP Initialization Error: Connection refused",
        "Nothing listens at pacs.example.org:104",
    ),
    # Orthanc 1.13.0, of the same.
    (
        f"{CONNECTING} TCP Initialization Error: Operation now in progress",
        "Nothing listens at pacs.example.org:104",
    ),
    (
        f"{CONNECTING} Attempt to connect to unknown host: no-such-host.invalid",
        "host name is not known",
    ),
    (
        f"{CONNECTING} DUL network read timeout",
        "at pacs.example.org:104 took the call and then said nothing",
    ),
    (f"{CONNECTING} DUL Association Rejected", "refused to talk to Orthanc"),
    (f"{CONNECTING} Peer aborted Association (or never connected)", "hung up"),
    (
        f'{NETWORK}: DicomAssociation - C-STORE to AET "PACS": Peer aborted Association (or never connected)',
        "broke the transfer off",
    ),
    (
        f'{NETWORK}: DicomAssociation - C-STORE to AET "PACS": DUL network read timeout',
        "did not answer in time",
    ),
    # A destination that takes only reports, sent a CT: 1.10.1 and 1.12.7, then 1.13.0.
    (
        "Not implemented yet: Cannot transcode from 1.2.840.10008.1.2.1 to one of [ ]",
        "does not take such images at all",
    ),
    (
        "DicomUserConnection: No acceptable presentation context for modality: Cannot C-Store an instance of SOPClassUID "
        "1.2.840.10008.5.1.4.1.1.2, the destination has not accepted any TransferSyntax for this SOPClassUID.",
        "does not take such images at all: CT Image Storage",
    ),
    (
        "Not implemented yet: Cannot transcode from 1.2.840.10008.1.2.4.91 to one of [ 1.2.840.10008.1.2 ]",
        "in this compression",
    ),
    ("Unable to determine the SOP class/instance for C-STORE", "not valid DICOM"),
    ("An instance was removed after the job was issued", "deleted in Orthanc"),
    ("Accessing an inexistent item: No modality with symbolic name: PACS", "does not know this"),
    ("Reason: Calling AE Title Not Recognized", "does not know the AE title"),
    ("Called AE title not recognised", "does not answer to the AE title PACS"),
    ("Orthanc no longer knows the job.", "forgot the job"),
    ("Cancelled by hand.", "Somebody cancelled it"),
    (
        "The destination accepted the images, but it has not 3 of 312.",
        "and yet does not have all",
    ),
]

HTTP = [
    (PEER, 9, f"{NETWORK}: libCURL error: Couldn't connect to server", "Nothing listens"),
    (
        *(PEER, 9),
        f"{NETWORK}: libCURL error: Could not connect to server while accessing http://127.0.0.1:30901/instances",
        "Nothing listens",
    ),
    (PEER, 9, f"{NETWORK}: libCURL error: Couldn't resolve host name", "host name is not known"),
    (PEER, 9, f"{NETWORK}: libCURL error: Timeout was reached", "did not answer in time"),
    (PEER, 9, f"{NETWORK}: libCURL error: Failure when receiving data from the peer", "hung up"),
    (
        *(PEER, 9),
        f"{NETWORK}: libCURL error: SSL peer certificate or SSH remote key was not OK",
        "certificates do not fit",
    ),
    (PEER, 9, f"{NETWORK}: libCURL error: SSL connect error", "does not speak TLS"),
    (
        *(PEER, 9),
        f"{NETWORK}: libCURL error: Problem with the SSL CA cert (path? access rights?)",
        "list of trusted certificates",
    ),
    # Any HTTP error of a peer, such as 401, 413 or 507: the job tells no more.
    (PEER, 9, NETWORK, "answered with an HTTP error"),
    (PEER, 3, "Parameter out of range", "wants fewer requests"),
    (PEER, 2005, "This HTTP status is not allowed in a REST API", "who it is with an HTTP error"),
    (PEER, None, "The peer answers HTTP 403 to the question what it has.", "user name and pass"),
    # Whatever goes wrong with STOW-RS, its job says this.
    (
        *(DICOMWEB, 1),
        "Error encountered within the plugin engine",
        "answered with an HTTP error",
    ),
    (
        *(DICOMWEB, 29),
        "Bad credentials were provided to an HTTP request",
        "user name and password",
    ),
    (DICOMWEB, 17, "Unknown resource", "nothing to store to under this path"),
    (DICOMWEB, 15, "Bad file format", "nothing to store to under this path"),
    (DICOMWEB, 9, NETWORK, "failure of its own"),
    (
        *(DICOMWEB, 9),
        f"{NETWORK}: Plugin error code 9 triggered from OrthancPluginCppWrapper.cpp:3391",
        "failure of its own",
    ),
    (PEER, None, "HTTP 413 Request Entity Too Large", "too large"),
    (PEER, None, "HTTP 404", "nothing to store to"),
    (PEER, None, "HTTP 507", "no room"),
    (PEER, None, "HTTP 503", "failure of its own"),
]

STATUSES = [
    ("A700", "0xA700 Refused: Out of resources", "for want of room"),
    ("A7FF", "0xA7FF Refused: Out of resources", "for want of room"),
    ("A900", "0xA900 Error: Data Set does not match SOP Class", "what its kind must have"),
    ("C000", "0xC000 Error: Cannot understand", "could not understand"),
    ("C123", "0xC123 Error: Cannot understand", "could not understand"),
    ("0110", "0x0110 Processing failure", "does not say why"),
    ("0111", "0x0111 Duplicate SOP instance", "takes none twice"),
    ("0117", "0x0117 Invalid object instance", "could not understand"),
    ("0119", "0x0119 Class-instance conflict", "could not understand"),
    ("0122", "0x0122 Refused: SOP class not supported", "does not take this kind"),
    ("0124", "0x0124 Refused: Not authorized", "does not allow Orthanc"),
    ("FE01", "0xFE01", "does not say why"),
]


@pytest.mark.parametrize(("words", "means"), DICOM)
def test_it_knows_what_orthanc_says_of_modalities(words: str, means: str) -> None:
    explanation = explain.error(words, 9, PACS)
    assert means in str(explanation.meaning)
    assert str(explanation.action)


@pytest.mark.parametrize(("about", "code", "words", "means"), HTTP)
def test_it_knows_what_orthanc_says_of_web_servers(
    about: About, code: int | None, words: str, means: str
) -> None:
    explanation = explain.error(words, code, about)
    assert means in str(explanation.meaning)
    assert str(explanation.action)


@pytest.mark.parametrize(("code", "name", "means"), STATUSES)
def test_it_knows_the_status_codes_of_dicom(code: str, name: str, means: str) -> None:
    words = f'{NETWORK}: C-STORE SCU to AET "PACS" has failed with DIMSE status 0x{code}'
    explanation = explain.error(words, 9, PACS)
    assert explanation.status == name
    assert means in str(explanation.meaning)


def test_it_names_the_ae_title_that_has_to_be_entered() -> None:
    rejected = explain.error(f"{CONNECTING} DUL Association Rejected", 9, PACS)
    assert "Add the AE title ORTHANC_MAIN to its list" in str(rejected.action)
    assert "check that the AE title PACS is its own" in str(rejected.action)


def test_without_knowing_who_talked_it_still_says_what_to_do() -> None:
    rejected = explain.error("DUL Association Rejected")
    assert "Add the AE title of Orthanc to its list" in str(rejected.action)
    assert "%(" not in f"{rejected.meaning}{rejected.action}"


@pytest.mark.parametrize(
    ("words", "next_step"),
    [
        ("Delivered, but not verified yet: %s", "It is asked again."),
        ("Delivered, but not verified: %s", ""),
    ],
)
def test_what_could_not_be_verified_was_delivered_all_the_same(words: str, next_step: str) -> None:
    why = f"{CONNECTING} TCP Initialization Error: Connection refused"
    explanation = explain.error(words % why, None, PACS)
    assert str(explanation.meaning).startswith("Everything was sent and accepted")
    assert "Nothing listens" in str(explanation.meaning)
    assert str(explanation.action).startswith(next_step or "Check that the destination runs")


@pytest.mark.parametrize("status", [{}, {"dicom_aet": None}, {"dicom_aet": 7}])
def test_a_node_that_says_nothing_of_itself_does_no_harm(status: dict[str, object]) -> None:
    assert explain.about(status, None) == About()


def test_a_destination_is_named_by_its_address() -> None:
    pacs = Destination(kind="modality", aet="PACS", host="10.0.0.5", port=104)
    assert explain.about({"dicom_aet": "US"}, pacs) == About(
        "modality", "US", "PACS", "10.0.0.5:104"
    )
    peer = Destination(kind="peer", url="http://10.0.0.6:8042/")
    assert explain.about({}, peer).address == "http://10.0.0.6:8042/"


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
