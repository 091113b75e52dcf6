"""What Orthanc and its DICOMweb plugin say when something fails, and what that means.

The words are those that Orthanc 1.10.1, 1.12.7 and 1.13.0 were seen to use. The first entry that fits counts. Texts can name
`%(our_aet)s`, `%(their_aet)s`, `%(address)s`, and what a named group of the pattern found.
"""

from __future__ import annotations

from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from routing.explain.explanation import Explanation


class Entry(NamedTuple):
    """A pattern in lower case, what it means, and the kinds of destinations that it holds for (none: all)."""

    pattern: str
    explanation: Explanation
    kinds: tuple[str, ...] = ()


HTTP = ("peer", "dicomweb")

NOTHING_LISTENS = Explanation(
    _("Nothing listens at %(address)s."),
    _("Check that the destination runs, and its host and port; then a firewall."),
)
NO_WAY = Explanation(
    _("The network does not lead to %(address)s."),
    _("Check the host, the network and the firewall between Orthanc and it."),
)
UNKNOWN_HOST = Explanation(
    _("The host name is not known on the server of Orthanc."),
    _("Check the spelling, or give the IP address."),
)
SILENT = Explanation(
    _("Something at %(address)s took the call and then said nothing."),
    _("Look at the destination: it hangs, or another program has this port."),
)
OVERTIME = Explanation(
    _("The destination did not answer in time."),
    _("Look at the destination and the network: one of them is overloaded."),
)
REJECTED = Explanation(
    _("The destination refused to talk to Orthanc, because of an AE title."),
    _(
        "Add %(our_aet)s to its list, with the host of Orthanc; and check that the AE title%(their_aet)s is its "
        "own: upper and lower case differ."
    ),
)
CALLER_UNKNOWN = Explanation(
    _("The destination does not know the AE title of Orthanc."),
    _("Add %(our_aet)s to its list, with the host and the DICOM port of Orthanc."),
)
BROKEN_OFF = Explanation(
    _("The destination broke the transfer off without giving a reason."),
    _(
        "Many do so with callers that they do not know: add %(our_aet)s to its list (in another Orthanc: "
        "DicomModalities). If other studies arrive there, its log says what is wrong with this one."
    ),
)
HUNG_UP = Explanation(
    _("Something at %(address)s hung up before it was told anything."),
    _("Check that a DICOM server has this port, and whether it limits who may call or how many."),
)
HTTP_SERVER = Explanation(
    _("An HTTP server answers at %(address)s, not a DICOM one."),
    _("Give the DICOM port: Orthanc's own is usually 4242, that of a PACS often 104 or 11112."),
)
NOT_DICOM_SERVER = Explanation(
    _("Something answers at %(address)s that does not speak DICOM."),
    _("Check the port; and whether the destination wants TLS."),
)
NO_CERTIFICATE = Explanation(
    _("No secure connection: the certificates do not fit."),
    _("Let Orthanc trust the destination's certificate, and check its host name in it."),
)
ADDRESS_WRONG = Explanation(
    _("The server at %(address)s has nothing to store to under this path."),
    _("Check the path of the URL; that of an Orthanc's DICOMweb usually ends with /dicom-web/."),
)
NO_ENTRANCE = Explanation(
    _("The destination did not accept user name and password."),
    _("Correct them at the destination's entry, or give that user the right to store."),
)
TOO_LARGE = Explanation(
    _("The images are too large for the destination, or for a proxy in front of it."),
    _("Raise its limit for a request (in nginx: client_max_body_size), then retry."),
)
TOO_MANY = Explanation(
    _("The destination wants fewer requests in this time."),
    _("Let fewer jobs run at a time for this destination."),
)
NO_ROOM = Explanation(
    _("The destination has no room, or is too busy."),
    _("Free space at the destination if it stays so."),
)
SERVER_FAILED = Explanation(
    _("The destination, or a proxy in front of it, reported a failure of its own."),
    _("If it stays so, its log says why."),
)
SOME_HTTP_ERROR = Explanation(
    _("The destination answered with an HTTP error; Orthanc does not tell which."),
    _(
        "Echo tells whether user name and password are right. If they are: check that the user may store, the room on its "
        "disk, and the limit for a request of a proxy in front of it. Its log has the error."
    ),
)
NOT_THAT_IMAGE = Explanation(
    _("The destination does not take such images at all: %(sop_class)s."),
    _("Let the destination accept them, or leave such series out by the rule."),
)
OTHER_SYNTAX = Explanation(
    _("The destination does not take images in this compression, and Orthanc cannot convert them."),
    _("Let the destination accept it, or let Orthanc transcode (TranscodeDicomProtocol)."),
)
NOT_DICOM = Explanation(
    _("An image is not valid DICOM: its class or its identifier is missing."),
    _("Repair or delete the image in Orthanc, then retry."),
)
STUDY_LOST = Explanation(
    _("Images of the study were deleted in Orthanc while it was sent."),
    _("Retry sends what is left. Find out who deletes studies that early."),
)

OF_THE_PLUGIN = (
    Entry(
        r"accepted the images, but it has not",
        Explanation(
            _("The destination said that it stored every image, and yet does not have all."),
            _(
                "Look at its storage and its log: it loses images. The missing ones are sent again, at most five times."
            ),
        ),
    ),
    Entry(
        r"sent no report within a minute",
        Explanation(
            _("The destination took the question for storage commitment and never answered it."),
            _("Enter %(our_aet)s at the destination, with the host and the DICOM port of Orthanc."),
        ),
    ),
    Entry(
        r"no longer knows the job|before the job was known to have begun",
        Explanation(
            _("Orthanc ended, or forgot the job, before its outcome was seen."),
            _("If it happens without a restart, raise JobsHistorySize."),
        ),
    ),
    Entry(
        r"job ended without an error, but it sent",
        Explanation(
            _("Orthanc called the job a success, but fewer images went out than there are."),
            _("Orthanc's log says which images it could not read."),
        ),
    ),
    Entry(
        r"cancelled by hand",
        Explanation(_("Somebody cancelled it while it was sent."), _("Retry sends it again.")),
    ),
    Entry(
        r"password of this peer is only in orthanc",
        Explanation(
            _("The plugin may not ask this peer, because it does not have its password."),
            _("Make the destination here instead, or verify nothing."),
        ),
    ),
    Entry(
        r"study is not in this orthanc any more|instance was removed|removed after the job",
        STUDY_LOST,
    ),
)

OF_DICOM = (
    Entry(
        r"cannot c-store an instance of sopclassuid (?P<sop_class>[0-9.]+)",
        NOT_THAT_IMAGE,
    ),
    Entry(
        r"cannot transcode from [0-9.]+ to one of \[ *\]",
        NOT_THAT_IMAGE,
    ),
    Entry(r"cannot transcode from", OTHER_SYNTAX),
    # The type of a PDU is its first byte (PS3.8 section 9.3), in hexadecimal: 48 is the H of “HTTP/1.1”.
    Entry(r"unrecognized pdu type: 48", HTTP_SERVER),
    Entry(r"unrecognized pdu type", NOT_DICOM_SERVER),
    Entry(r"calling ae ?title not recogni[sz]ed", CALLER_UNKNOWN),
    Entry(
        r"called ae ?title not recogni[sz]ed",
        Explanation(
            _("The destination does not answer to the AE title%(their_aet)s."),
            _("Check its AE title there; upper and lower case differ."),
        ),
    ),
    Entry(r"association rejected|association request rejected", REJECTED),
    Entry(r"connecting to aet.*(peer aborted|association abort)", HUNG_UP),
    Entry(r"c-echo to aet.*(peer aborted|association abort)", BROKEN_OFF),
    Entry(r"peer aborted|association abort", BROKEN_OFF),
    Entry(r"connecting to aet.*(read timeout|no response)", SILENT),
    Entry(
        r"presentation context|no accepted|sop class.*not supported|transfer syntax",
        Explanation(
            _("The destination does not take this kind of image or its compression."),
            _("Let the destination accept it, or leave such studies out by the rule."),
        ),
    ),
    Entry(r"sop class/instance|unable to determine the sop", NOT_DICOM),
    Entry(
        r"no modality with symbolic name|no peer with symbolic name",
        Explanation(
            _("Orthanc does not know this destination any more."),
            _("The plugin writes it there again within a minute. If not, read its warnings."),
        ),
    ),
)

OF_NETWORKS = (
    # Orthanc 1.13.0 says “Operation now in progress” of a connection that is refused.
    Entry(
        r"connection refused|operation now in progress|couldn't connect|could not connect|failed to connect",
        NOTHING_LISTENS,
    ),
    Entry(r"no route to host|network is unreachable|host is unreachable", NO_WAY),
    Entry(
        r"couldn't resolve|could not resolve|unknown host|name or service not known|host not found",
        UNKNOWN_HOST,
    ),
    Entry(
        r"problem with the ssl ca cert|httpscacertificates",
        Explanation(
            _("Orthanc cannot read its own list of trusted certificates."),
            _(
                "Let HttpsCACertificates of Orthanc name a file that exists, such as "
                "/etc/ssl/certs/ca-certificates.crt, then restart Orthanc."
            ),
        ),
    ),
    Entry(
        r"ssl connect error",
        Explanation(
            _("The server at %(address)s does not speak TLS as Orthanc does."),
            _("Check whether the address begins with http:// rather, and its port."),
        ),
    ),
    Entry(r"certificate|\bssl\b|\btls\b", NO_CERTIFICATE),
    Entry(
        r"failure when receiving data|returned nothing|empty reply|send failure|connection reset",
        Explanation(
            _("The server at %(address)s hung up in the middle."),
            _(
                "Check that the port is its HTTP port, and its limit for a request; its log says more."
            ),
        ),
    ),
    Entry(r"time-?d? ?out|timeout|no response", OVERTIME),
)

OF_HTTP = (
    Entry(r"(http|status) 40[13]\b|unauthorized|forbidden", NO_ENTRANCE),
    Entry(r"bad credentials were provided", NO_ENTRANCE, HTTP),
    Entry(r"(http|status) 40[45]\b", ADDRESS_WRONG, HTTP),
    Entry(r"unknown resource|bad file format", ADDRESS_WRONG, ("dicomweb",)),
    Entry(r"(http|status) 413\b", TOO_LARGE),
    Entry(r"(http|status) 429\b|parameter out of range", TOO_MANY, HTTP),
    Entry(r"(http|status) 507\b", NO_ROOM),
    Entry(r"(http|status) 5\d\d\b", SERVER_FAILED),
    Entry(
        r"http status is not allowed in a rest api",
        Explanation(
            _("The peer answers to the question who it is with an HTTP error."),
            _(
                "Check user name and password, then the path of the URL: it is that of the peer's own REST API."
            ),
        ),
    ),
    Entry(r"^error in the network protocol$", SOME_HTTP_ERROR, ("peer",)),
    Entry(r"error encountered within the plugin engine", SOME_HTTP_ERROR, ("dicomweb",)),
    Entry(
        r"^error in the network protocol(: plugin error code 9.*)?$", SERVER_FAILED, ("dicomweb",)
    ),
    Entry(
        r"(http|status) 404\b|unknown resource|inexistent|does not exist",
        Explanation(
            _("The address answers, but has nothing to store to, or the study is gone."),
            _("Check the path of the URL, and that Orthanc still has the study."),
        ),
    ),
)

OF_STORAGE = (Entry(r"out of resources|storage.*full|no space left|disk.*full", NO_ROOM),)

TABLE = (*OF_THE_PLUGIN, *OF_DICOM, *OF_NETWORKS, *OF_HTTP, *OF_STORAGE)

GONE = Explanation(
    _("Orthanc does not have the study or the destination any more."),
    _("Check both in Orthanc, then retry."),
)

# Orthanc's own numbers: OrthancFramework/Sources/Enumerations.h
BY_CODE: dict[int, Explanation] = {
    5: Explanation(
        _("Something that Orthanc looked for is not there."),
        _("Check that Orthanc still has the study and the destination, then retry."),
    ),
    7: GONE,
    9: Explanation(
        _("Orthanc could not reach the destination, or lost it on the way."),
        _("Echo the destination to see whether it answers."),
    ),
    17: GONE,
    27: Explanation(
        _("The disk of Orthanc or of the destination is full."),
        _("Free space there."),
    ),
    42: Explanation(
        _("The destination is not reachable by DICOM."),
        _("Echo the destination, and check AE title, host and port."),
    ),
    2014: NOT_DICOM,
}
