"""What may come in: size, kind, rows and columns of an uploaded file, looked at before anything parses it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import PurePath

import pyarrow as pa
import pyarrow.parquet as pq

from plural_core.errors import DataError
from plural_core.ratings.raw import RawTable, in_memory, read_raw

ENDINGS = ("csv", "tsv", "parquet")
MOST_BYTES = 25 * 2**20
MOST_ROWS = 200_000
MOST_COLUMNS = 200
MOST_EXPANDED = 400 * 2**20
"""Bytes of all texts of a Parquet file when unpacked: a small file can hold very much."""
_BATCH = 2_000
# What a file begins with that is none of ours, whatever its name says.
_FOREIGN = {
    b"\x1f\x8b": "packed",
    b"PK\x03\x04": "spreadsheet",
    b"\xd0\xcf\x11\xe0": "spreadsheet",
    b"\x80\x02": "program",
    b"\x80\x03": "program",
    b"\x80\x04": "program",
    b"\x80\x05": "program",
    b"%PDF": "other",
    b"\x89PNG": "other",
    b"\x7fELF": "other",
    b"BZh": "packed",
    b"\xfd7zXZ": "packed",
    b"(\xb5/\xfd": "packed",
}


class Refused(DataError):
    """An upload that is not let in; `key` names the text for readers, `values` fill its placeholders."""

    def __init__(self, key: str, **values: object) -> None:
        self.key = key
        self.values = values
        super().__init__(f"upload refused: {key} {values or ''}".strip())


@dataclass(frozen=True)
class Upload:
    """A file of a visitor, in memory.

    Parameters
    ----------
    name : str
        Its plain name, without any folder.
    data : bytes
        Its content.
    """

    name: str
    data: bytes


def let_in(name: str, data: bytes) -> tuple[Upload, RawTable]:
    """Check an uploaded file and read it as columns of text; nothing is written, nothing in it runs.

    Parameters
    ----------
    name : str
        Name as the browser gave it.
    data : bytes
        Content.

    Raises
    ------
    Refused
        Too large, of another kind, too many rows or columns, or too large when unpacked.
    DataError
        Truncated, not UTF-8, ragged and so on, with the row.
    """
    plain = PurePath(name.replace("\\", "/")).name or "upload"
    ending = plain.rsplit(".", 1)[-1].lower() if "." in plain else ""
    if ending not in ENDINGS:
        raise Refused("kind", ending=ending or "?")
    if not data.strip():
        raise Refused("empty")
    if len(data) > MOST_BYTES:
        raise Refused("size", megabytes=MOST_BYTES // 2**20)
    for start, what in _FOREIGN.items():
        if data.startswith(start):
            raise Refused(what)
    is_parquet = data.startswith(b"PAR1")
    if is_parquet != (ending == "parquet"):
        raise Refused("mismatch", ending=ending)
    if is_parquet:
        _check_parquet(plain, data)
    elif data.count(b"\n") > 20 * MOST_ROWS:
        raise Refused("rows", rows=MOST_ROWS)
    upload = Upload(plain, data)
    with in_memory({plain: data}):
        raw = read_raw(plain, key="upload")
    if len(raw) > MOST_ROWS:
        raise Refused("rows", rows=MOST_ROWS)
    if len(raw.columns) > MOST_COLUMNS:
        raise Refused("columns", columns=MOST_COLUMNS)
    return upload, raw


def _check_parquet(name: str, data: bytes) -> None:
    """Look at a Parquet file's own account of itself, then unpack it bit by bit up to the limit."""
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        if file.metadata.num_rows > MOST_ROWS:
            raise Refused("rows", rows=MOST_ROWS)
        if file.metadata.num_columns > MOST_COLUMNS:
            raise Refused("columns", columns=MOST_COLUMNS)
        _check_types(file.schema_arrow)
        size = 0
        for batch in file.iter_batches(batch_size=_BATCH):
            size += batch.nbytes
            if size > MOST_EXPANDED:
                raise Refused("expanded", megabytes=MOST_EXPANDED // 2**20)
    except Refused:
        raise
    except (pa.ArrowException, OSError, MemoryError, ValueError) as error:
        reason = (str(error).splitlines() or ["damaged"])[0].rstrip(".")
        raise DataError(f"{name}: a truncated or damaged Parquet file ({reason}); export it again") from None


def _check_types(schema: pa.Schema) -> None:
    plain = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string, pa.types.is_null)
    others = (pa.types.is_large_string, pa.types.is_dictionary, pa.types.is_temporal, pa.types.is_decimal)
    for field in schema:
        if not any(test(field.type) for test in (*plain, *others)):
            raise Refused("type", column=field.name, type=str(field.type))
