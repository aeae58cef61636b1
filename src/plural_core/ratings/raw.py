"""Raw files: CSV, TSV, Parquet and JSON lines, plain or gzipped, as columns of text with errors that say where.

Every value is read as text, so that nothing is guessed about types: ``1.0``, ``na`` and ``>65`` arrive as they
stand in the file. A column is held once as codes and distinct values, so that a million rows cost little and each
distinct value is parsed once.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from plural_core.errors import DataError, listing, nearest
from plural_core.ratings.coded import Coded

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_BLOCK = 1 << 25  # a quoted text must fit into one block of the CSV parser
_memory: ContextVar[Mapping[str, bytes] | None] = ContextVar("files in memory", default=None)


@contextlib.contextmanager
def in_memory(files: Mapping[str, bytes]) -> Iterator[None]:
    """Let these files be read from memory under their names, instead of from disk, within the block.

    Parameters
    ----------
    files : mapping of str to bytes
        Content by name, as an upload has it.
    """
    token = _memory.set({**(_memory.get() or {}), **files})
    try:
        yield
    finally:
        _memory.reset(token)


@dataclass(frozen=True)
class RawTable:
    """A raw file whose columns are all text.

    Parameters
    ----------
    path : Path
        The file.
    format : {'csv', 'tsv', 'parquet', 'jsonl'}
        What it is.
    table : pyarrow.Table
        Its columns.
    encoding : str
        Its text encoding.
    kept : ndarray, optional
        For each row its place in the file, where rows were left out.
    """

    path: Path
    format: str
    table: pa.Table
    encoding: str = "utf-8"
    kept: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.table.num_rows)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.table.column_names)

    def has(self, column: str | None) -> bool:
        """Return whether there is such a column."""
        return column is not None and column in self.table.column_names

    def require(self, column: str, role: str) -> None:
        """Raise a DataError with the nearest name unless there is such a column.

        `role` says what it is for, or is the key of the config that names it (``data.columns.…``).
        """
        if not self.has(column):
            remedy = f"; name the right one with {role}" if role.startswith("data.") else f" ({role})"
            raise DataError(
                f"{self.path}, row 1: no column '{column}'{remedy}.{nearest(column, self.columns)} "
                f"Columns in the file: {listing(self.columns)}"
            )

    def coded(self, column: str, missing: Collection[str] = ("",), role: str = "named by the config") -> Coded:
        """Return a column with blanks around values removed and the texts in `missing` taken as no value."""
        self.require(column, role)
        encoded = self.table.column(column).dictionary_encode().unify_dictionaries()
        parts = [np.asarray(c.indices.fill_null(-1), dtype=np.int64) for c in encoded.chunks]
        words = encoded.chunk(0).dictionary.to_pylist() if parts else []
        codes = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
        stripped = [None if w is None else str(w).strip() for w in words]
        return Coded(codes, np.empty(0, dtype=object)).mapped([None if w in missing else w for w in stripped])

    def row(self, index: int) -> int:
        """Return the number of a row as a spreadsheet shows it: the header is row 1 (lines of JSON start at 1)."""
        index = index if self.kept is None else int(self.kept[index])
        if self.format == "parquet":
            return index + 1
        text = _read_bytes(self.path).decode(self.encoding).removeprefix("\ufeff")
        if self.format == "jsonl":
            filled = (n for n, line in enumerate(text.split("\n"), start=1) if line.strip())
        else:
            filled = (n for n, cells in enumerate(_records(text, _delimiter(text, self.format)), start=1) if cells)
            next(filled)
        return next((n for k, n in enumerate(filled) if k == index), index + 1)

    def take(self, rows: np.ndarray) -> RawTable:
        """Return the table with only these rows, which keep their numbers in errors."""
        kept = rows if self.kept is None else self.kept[rows]
        return replace(self, table=self.table.take(pa.array(rows)), kept=kept)

    def fault(self, index: int, column: str, value: object, why: str) -> DataError:
        """Return an error that names file, row, column and value."""
        return DataError(f"{self.path}, row {self.row(index)}, column '{column}', value {value!r}: {why}")


def read_raw(path: str | Path, format: str = "auto", encoding: str = "utf-8", key: str = "data.path") -> RawTable:
    """Read a raw file as columns of text.

    Parameters
    ----------
    path : str or Path
        The file; ``.gz`` files are unpacked.
    format : {'auto', 'csv', 'tsv', 'parquet', 'jsonl'}
        What it is; ``auto`` goes by its name.
    encoding : str
        Text encoding of CSV, TSV and JSON lines.
    key : str
        The config's key that names the file.

    Raises
    ------
    DataError
        The file is missing, empty, truncated, not in this encoding or not in this format: one line that names
        file and row, and says what to do.
    """
    path = Path(path)
    data = _read_bytes(path, key)
    if not data.strip():
        raise DataError(f"{path}: the file is empty")
    kind = _format(path, data) if format == "auto" else format
    if kind == "parquet":
        return RawTable(path, kind, _parquet(data, path))
    text = _decode(data, encoding, path)
    table = _jsonl(text, path) if kind == "jsonl" else _csv(text, kind, path)
    if table.num_rows == 0:
        raise DataError(f"{path}: the file has a header and no rows")
    return RawTable(path, kind, table, encoding)


def _read_bytes(path: Path, key: str = "data.path") -> bytes:
    try:
        held = (_memory.get() or {}).get(str(path))
        data = path.read_bytes() if held is None else held
    except FileNotFoundError:
        near = nearest(path.name, (p.name for p in path.parent.iterdir())) if path.parent.is_dir() else ""
        raise DataError(f"{path}: there is no such file.{near} Set it with --set {key}=FILE") from None
    except IsADirectoryError:
        raise DataError(f"{path}: this is a folder; name a file with --set {key}=FILE") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    if not data or (path.suffix.lower() != ".gz" and data[:2] != b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, zlib.error, OSError) as error:
        raise DataError(f"{path}: a truncated or damaged gzip file ({error}); copy or download it again") from None


def _format(path: Path, data: bytes) -> str:
    if data[:4] == b"PAR1":
        return "parquet"
    if data[:4] == b"PK\x03\x04":
        raise DataError(f"{path}: a spreadsheet or zip file; save it as CSV (UTF-8) first")
    ending = Path(path.stem).suffix if path.suffix.lower() == ".gz" else path.suffix
    if ending.lower() not in FORMATS:
        raise DataError(f"{path}: unknown kind of file '{ending}'; set data.format to csv, tsv, parquet or jsonl")
    return FORMATS[ending.lower()]


def _decode(data: bytes, encoding: str, path: Path) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") and encoding.lower().replace("-", "") == "utf8":
        raise DataError(f"{path}: the text is UTF-16, not {encoding}; set data.encoding: utf-16")
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} is not {encoding} text; set data.encoding "
            "(often latin-1 or cp1252), or save the file as UTF-8"
        ) from None
    except LookupError:
        raise DataError(f"data.encoding: unknown encoding '{encoding}'; try utf-8, utf-16, latin-1 or cp1252") from None
    zero = text.find("\0")
    if zero >= 0:
        raise DataError(
            f"{path}, line {text.count(chr(10), 0, zero) + 1}: a zero byte, which is no {encoding} text; the file is "
            "damaged, or in another encoding (set data.encoding, often utf-16)"
        )
    return text


def _delimiter(text: str, kind: str) -> str:
    if kind == "tsv":
        return "\t"
    header = next((line for line in text.split("\n", 20) if line.strip()), "")
    counts = {mark: header.count(mark) for mark in ",;\t"}
    return "," if counts[","] else max(counts, key=lambda mark: counts[mark])


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(1 << 30)  # texts may be longer than the module's default of 131,072 characters
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _csv(text: str, kind: str, path: Path) -> pa.Table:
    delimiter = _delimiter(text, kind)
    header = next(cells for cells in _records(text, delimiter) if cells)
    names = [name.strip() or f"unnamed_{n}" for n, name in enumerate(header, start=1)]
    twice = [name for n, name in enumerate(names) if name in names[:n]]
    if twice:
        raise DataError(f"{path}, row 1: two columns are named '{twice[0]}'; rename one")
    data = text.encode("utf-8")
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(data),
            read_options=pa_csv.ReadOptions(block_size=max(_BLOCK, 1)),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in header}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise DataError(_ragged(text, delimiter, len(header), path) or f"{path}: {_short(error)}") from None
    return table.rename_columns(names)


def _ragged(text: str, delimiter: str, width: int, path: Path) -> str | None:
    """Return the message for the first row that has more or fewer cells than the header."""
    try:
        for number, cells in enumerate(_records(text, delimiter), start=1):
            if cells and len(cells) != width:
                return (
                    f"{path}, row {number}: {len(cells)} columns where the header has {width}; "
                    "the file is truncated, or a text with separators lacks its quotation marks"
                )
    except csv.Error as error:
        return f"{path}: not readable as CSV ({error})"
    return None


def _short(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")


def _parquet(data: bytes, path: Path) -> pa.Table:
    try:
        table = pq.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path}: a truncated or damaged Parquet file ({_short(error)}); copy or export it again"
        ) from None
    if table.num_rows == 0:
        raise DataError(f"{path}: the file has no rows")
    return pa.table({name: _as_text(table.column(name)) for name in table.column_names})


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return column.cast(pa.string())
    return pa.chunked_array([pa.array([_text(v) for v in column.to_pylist()], pa.string())])


def _jsonl(text: str, path: Path) -> pa.Table:
    columns: dict[str, list[str | None]] = {}
    done = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}, row {number}: not valid JSON ({error.msg}, column {error.colno})") from None
        if not isinstance(record, dict):
            raise DataError(f"{path}, row {number}: expected an object with named values, found {_text(record)!r}")
        for name, value in dict(_flat(record)).items():
            cells = columns.setdefault(name, [])
            cells.extend([None] * (done - len(cells)))
            cells.append(_text(value))
        done += 1
    for cells in columns.values():
        cells.extend([None] * (done - len(cells)))
    return pa.table({name: pa.chunked_array([pa.array(cells, pa.string())]) for name, cells in columns.items()})


def _flat(record: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a record, those inside a nested object under ``outer.inner``."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + str(name), value


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return None if value != value else str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
