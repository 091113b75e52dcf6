"""The tags of a DICOM file that somebody drops into the rule editor, as Orthanc would give them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.core.files.uploadhandler import FileUploadHandler
from django.utils.translation import gettext as _

HEAD = 1024 * 1024
LONGEST = 1000
# A deflated file (PS3.5 section A.5) can unpack to a thousand times its size.
DEFLATED = b"1.2.840.10008.1.2.1.99"
_UNREADABLE = frozenset({"SQ", "OB", "OW", "OD", "OF", "OL", "OV", "UN", "OB or OW"})


class NoDicom(Exception):
    """What was given is no DICOM file that can be read; the message says why."""


class FileTags(NamedTuple):
    """Keyword -> text; `unreadable` counts values that are not as the standard wants them."""

    tags: dict[str, str]
    unreadable: int


class HeadUploadHandler(FileUploadHandler):
    """Keeps the first megabyte of an uploaded file in memory and forgets the rest: nothing is written to disk."""

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self.head = bytearray()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.head += raw_data[: max(0, HEAD - len(self.head))]

    def file_complete(self, file_size: int) -> None:
        return None


def read(head: bytes, private: Mapping[tuple[int, str, int], str] | None = None) -> FileTags:
    """The tags in front of the pixel data.

    Args:
        head: the first megabyte of the file.
        private: (group, creator, last byte of the element) -> the site's name for a private tag.

    Raises:
        NoDicom: it is none, or it is deflated.
    """
    # Imported late: it takes a while, which processes that read no file are spared.
    import pydicom
    from pydicom import config
    from pydicom.errors import InvalidDicomError

    # A warning about a value would bring it into the log.
    config.settings.reading_validation_mode = config.IGNORE
    if DEFLATED in head[:2048]:
        raise NoDicom(
            _("This file is deflated. Save it with another transfer syntax and try again.")
        )
    try:
        dataset = pydicom.dcmread(io.BytesIO(head), stop_before_pixels=True)
    except InvalidDicomError as error:
        raise NoDicom(_("This is no DICOM file: it does not begin as PS3.10 asks.")) from error
    except Exception as error:
        # A damaged file makes the library fail in many ways; all of them mean the same here.
        raise NoDicom(_("This DICOM file is damaged and cannot be read.")) from error
    tags: dict[str, str] = {}
    unreadable = 0
    # Only the keys: an element is decoded when it is asked for, and may not be as its VR wants it.
    wanted = {(group, element) for group, _creator, element in private or ()}
    for tag in list(dataset.keys()):
        if tag.is_private and (tag.group, tag.element & 0xFF) not in wanted:
            continue
        try:
            tags.update(_named(dataset, tag, private or {}))
        except Exception:
            # The value does not fit its VR; the page says how many were left out.
            unreadable += 1
    if not tags:
        raise NoDicom(_("This DICOM file is damaged and cannot be read."))
    return FileTags(tags, unreadable)


def _named(
    dataset: Any, tag: Any, private: Mapping[tuple[int, str, int], str]
) -> Iterator[tuple[str, str]]:
    element = dataset[tag]
    name = element.keyword
    if tag.is_private and not tag.is_private_creator:
        name = private.get((tag.group, element.private_creator or "", tag.element & 0xFF), "")
    if name and element.VR not in _UNREADABLE and element.value is not None:
        yield name, _text(element.value)


def _text(value: Any) -> str:
    many = (
        value
        if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue"
        else [value]
    )
    return "\\".join(str(each) for each in many)[:LONGEST]
