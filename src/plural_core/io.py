"""Files at the edge: atomic writes, and reads that say what is wrong.

Every result is written to a temporary file in the same folder, flushed to disk and renamed, so a killed run
never leaves half a table and a failed write never harms what was there.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from plural_core.errors import DataError, WorkflowError


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that becomes `path` when the block ends without an error.

    Parameters
    ----------
    path : Path
        Where the content shall stand; missing folders are made.

    Raises
    ------
    WorkflowError
        The folder cannot be written or the disk is full; `path` is as it was before.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes files private; results are as readable as the user's other files.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise WorkflowError(_write_failure(path, error)) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _write_failure(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"{path}: the disk is full; nothing was overwritten. Free some space and run again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path}: no permission to write there; choose another folder with --set results=FOLDER"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{path}: a file stands where a folder is needed; choose another with --set results=FOLDER"
    return f"{path}: cannot be written ({error.strerror or error})"


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet, atomically and byte for byte the same for the same table."""
    content = pa.Table.from_pandas(table.reset_index(drop=True), preserve_index=False)
    with atomic_write(path) as stream:
        pq.write_table(content, stream, compression="zstd")


def read_table(path: Path) -> pd.DataFrame:
    """Read a Parquet table.

    Raises
    ------
    DataError
        The file is missing, truncated or not Parquet.
    """
    try:
        frame: pd.DataFrame = pq.read_table(path, memory_map=False).to_pandas()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such table; run the study first (plural run CONFIG)") from None
    except (pa.ArrowInvalid, pa.ArrowIOError, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise DataError(f"{path}: not a readable Parquet file ({reason}); delete it and run again") from None
    return frame


def write_text(text: str, path: Path) -> None:
    """Write UTF-8 text atomically."""
    with atomic_write(path) as stream:
        stream.write(text.encode("utf-8"))


def write_json(data: Any, path: Path) -> None:
    """Write JSON atomically: UTF-8, indented, keys in the given order, no NaN."""
    write_text(json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n", path)


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises
    ------
    DataError
        The file is missing or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not valid JSON ({error}); delete it and run again") from None


def attempt(reader: Callable[[Path], Any], path: Path, default: Any = None) -> Any:
    """Return ``reader(path)``, or `default` where the file is missing or damaged."""
    try:
        return reader(path)
    except DataError:
        return default
