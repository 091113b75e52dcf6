"""The file of a backup: compressed lines of JSON, the same for every database.

The first line is the header. Each table follows as one line that names its fields, and one line for each row. The last line
has the number of rows of each table and the SHA-256 of all lines before it, so that nothing can be missing unnoticed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any

FORMAT = 1
PRODUCT = "Orthanc Console backup"
# No row comes near it; what does is another file.
LONGEST_LINE = 64 * 1024 * 1024


class ArchiveError(Exception):
    """The file cannot be used; the message says why."""


@dataclass(frozen=True)
class Header:
    """What a backup says of itself.

    Attributes:
        version: of the console that made it.
        made_at: ISO 8601.
        migrations: (app, name) of all that were applied.
        key: fingerprint of the key that its secrets are encrypted with.
        keys: the keys themselves, sealed with a passphrase; None without one.
    """

    version: str
    made_at: str
    migrations: list[list[str]]
    key: str
    keys: dict[str, Any] | None


@dataclass(frozen=True)
class Table:
    """The beginning of a table: its model as `app.model`, and what each value of a row is."""

    model: str
    fields: list[str]


class Writer:
    """Writes a backup.

    Args:
        file: is written from beginning to end, and left open.
    """

    def __init__(self, file: IO[bytes], header: Header) -> None:
        self._packed = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0)
        self._digest = hashlib.sha256()
        self._counts: dict[str, int] = {}
        self._table = ""
        self._write({"product": PRODUCT, "format": FORMAT, **asdict(header)})

    def table(self, model: str, fields: Sequence[str]) -> None:
        """Begin a table."""
        self._table = model
        self._counts[model] = 0
        self._write({"model": model, "fields": list(fields)})

    def row(self, values: Sequence[Any]) -> None:
        """Add a row to the table that was begun last."""
        self._write(list(values))
        self._counts[self._table] += 1

    def close(self) -> None:
        """Write the last line."""
        self._write({"counts": self._counts, "sha256": self._digest.hexdigest()})
        self._packed.close()

    def _write(self, value: Any) -> None:
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._digest.update(line)
        self._packed.write(line)


class Reader:
    """Reads a backup from beginning to end.

    Raises:
        ArchiveError: it is no backup, or of a format that a newer console writes.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._packed = gzip.GzipFile(fileobj=file, mode="rb")
        self._digest = hashlib.sha256()
        self._counts: dict[str, int] = {}
        first = self._line()
        if not isinstance(first, dict) or first.get("product") != PRODUCT:
            raise ArchiveError("This file is not a backup of Orthanc Console.")
        if first.get("format") != FORMAT:
            raise ArchiveError(
                f"This backup has the format {first.get('format')}, and this console reads {FORMAT} only: "
                f"it was made by version {first.get('version')}. Use that version or a newer one."
            )
        try:
            self.header = Header(**{name: first[name] for name in Header.__dataclass_fields__})
        except KeyError as error:
            raise ArchiveError(f"The backup is damaged: its header lacks {error}.") from error

    def contents(self) -> Iterator[Table | list[Any]]:
        """Each table, followed by its rows. Ends only when all that was written was read.

        Raises:
            ArchiveError: the file is cut off or damaged.
        """
        table = ""
        while True:
            before = self._digest.hexdigest()
            line = self._line()
            if isinstance(line, list) and table:
                self._counts[table] += 1
                yield line
            elif isinstance(line, dict) and "model" in line:
                table = line["model"]
                self._counts[table] = 0
                yield Table(table, line["fields"])
            elif line == {"counts": self._counts, "sha256": before}:
                return
            else:
                raise ArchiveError("The backup is damaged: its checksum is wrong.")

    def _line(self) -> Any:
        try:
            line = self._packed.readline(LONGEST_LINE)
            self._digest.update(line)
            if not line.endswith(b"\n"):
                raise EOFError
            return json.loads(line)
        except EOFError as error:
            raise ArchiveError("The file is cut off, or no backup: its end is missing.") from error
        except gzip.BadGzipFile as error:
            raise ArchiveError(
                f"This file is damaged, or not a backup of Orthanc Console: {error}."
            ) from error
        except (zlib.error, ValueError) as error:
            raise ArchiveError(f"The backup is damaged: {error}.") from error
