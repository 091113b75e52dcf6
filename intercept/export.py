"""C-MOVE requests as a file for a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from intercept.models import MoveRequest

COLUMNS = (
    *("received_at", "node", "originator_aet", "remote_ip", "source_aet", "target_aet", "level"),
    *("patient_id", "accession_number", "study_instance_uid", "series_instance_uid"),
    *("sop_instance_uid", "instance_count", "sent_count", "outcome", "detail", "finished_at"),
)
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """What csv writes to, a line at a time."""

    def write(self, line: str) -> str:
        return line


def as_csv(requests: QuerySet[MoveRequest]) -> StreamingHttpResponse:
    """The requests as comma-separated values, in UTF-8, streamed."""
    rows = requests.select_related("node").iterator(chunk_size=500)
    response = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="move-requests.csv"'
    return response


def _lines(requests: Iterable[MoveRequest]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    for request in requests:
        yield writer.writerow([_cell(getattr(request, column)) for column in COLUMNS])


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
