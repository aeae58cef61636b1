"""Result tables through DuckDB: only those that may leave the server, only what is asked for."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
import pandas as pd

from plural_core.errors import DataError
from plural_core.ratings.schemas import TABLES
from plural_core.study import Study

PRIVATE = frozenset({"ratings", "participants", "pairs", "truth_participants"})
"""Tables with rows of single people, or made from single ratings: they are never read for showing."""
SHOWN = frozenset(TABLES) - PRIVATE


class TableMissing(DataError):
    """A table that has not been made yet."""

    def __init__(self, study: Study, name: str) -> None:
        self.name = name
        self.owner = TABLES[name].owner
        super().__init__(f"{study.table(name)}: there is no such table; run the study first (plural run CONFIG)")


class TableDamaged(DataError):
    """A table that cannot be read."""

    def __init__(self, study: Study, name: str, reason: str) -> None:
        self.name = name
        self.path = study.table(name)
        super().__init__(f"{self.path}: not a readable Parquet file ({reason}); delete it and run again")


@functools.cache
def _database() -> duckdb.DuckDBPyConnection:
    """Return the process's DuckDB: in memory, and with nothing to load from elsewhere."""
    settings: dict[str, Any] = {
        "threads": 2,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
    }
    return duckdb.connect(":memory:", config=settings)


def signature(study: Study, name: str) -> tuple[int, int]:
    """Return a table's time of change and size, zeros where it is missing: what caches go by."""
    try:
        state = study.table(name).stat()
    except OSError:
        return (0, 0)
    return (state.st_mtime_ns, state.st_size)


def read(
    study: Study,
    name: str,
    where: Mapping[str, object] | None = None,
    columns: Iterable[str] | None = None,
    order: str = "",
    limit: int | None = None,
) -> pd.DataFrame:
    """Read rows of a result table.

    Parameters
    ----------
    study : Study
        The study.
    name : str
        A table that may be shown.
    where : mapping, optional
        For each column the value that rows must have, or a list of such values.
    columns : iterable of str, optional
        Columns to read (default: all).
    order : str
        Column to sort by (default: the file's own order).
    limit : int, optional
        At most so many rows.

    Raises
    ------
    TableMissing, TableDamaged
        It has not been made, or its file is damaged.
    DataError
        A table that must not be shown.
    """
    if name not in SHOWN:
        raise DataError(f"table '{name}' is not for showing: it has rows of single people, or is no table of a study")
    picked = ", ".join(_quoted(c) for c in columns) if columns is not None else "*"
    clauses: list[str] = []
    values: list[Any] = [str(study.table(name))]
    for column, value in (where or {}).items():
        options = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
        if not options:
            clauses.append("false")
            continue
        clauses.append(f"{_quoted(column)} IN ({', '.join('?' * len(options))})")
        values += options
    query = f"SELECT {picked} FROM read_parquet(?)"
    query += f" WHERE {' AND '.join(clauses)}" if clauses else ""
    query += f" ORDER BY {_quoted(order)}" if order else ""
    query += f" LIMIT {int(limit)}" if limit is not None else ""
    return run(study, name, query, values)


def run(
    study: Study, name: str, query: str, values: list[Any], frames: Mapping[str, pd.DataFrame] | None = None
) -> pd.DataFrame:
    """Run a query on a table's file and return its rows; `frames` are tables of ours that it joins."""
    if not study.table(name).is_file():
        raise TableMissing(study, name)
    with _database().cursor() as cursor:
        for frame_name, frame in (frames or {}).items():
            cursor.register(frame_name, frame)
        try:
            return cursor.execute(query, values).df()
        except (duckdb.IOException, duckdb.InvalidInputException, duckdb.BinderException, duckdb.Error) as error:
            if not study.table(name).is_file():
                raise TableMissing(study, name) from None
            raise TableDamaged(study, name, str(error).splitlines()[0].rstrip(".")) from None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
