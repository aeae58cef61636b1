"""Checking a table against its schema: one line with table, row, column and value of the first fault."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from plural_core.errors import DataError
from plural_core.ratings.schemas import agreement, demographics, judging, pooling, quality, study_tables, truth, tuning
from plural_core.ratings.schemas.base import TableSpec

_GROUPS = (
    study_tables,
    truth,
    quality,
    agreement,
    demographics,
    tuning,
    judging,
    pooling,
)
TABLES: dict[str, TableSpec] = {spec.name: spec for group in _GROUPS for spec in group.SPECS}


def check_table(table: pd.DataFrame, name: str, where: str = "") -> pd.DataFrame:
    """Return `table` sorted by its key after checking it against its schema.

    Parameters
    ----------
    table : DataFrame
        The table to check.
    name : str
        Its name in `TABLES`.
    where : str, optional
        File or step named in the error.

    Raises
    ------
    DataError
        One line with table, row, column and value of the first fault.
    """
    spec = TABLES[name]
    prefix = f"{where}: " if where else ""
    missing = [c for c in spec.schema.columns if c not in table.columns]
    if missing:
        raise DataError(f"{prefix}table '{name}' lacks column '{missing[0]}'")
    try:
        spec.schema.validate(table, lazy=False)
    except pa.errors.SchemaError as error:
        raise DataError(prefix + _fault(error, table, name)) from None
    return table.sort_values(list(spec.key), kind="stable", ignore_index=True)


def _fault(error: pa.errors.SchemaError, table: pd.DataFrame, name: str) -> str:
    column = getattr(error.schema, "name", None)
    cases = error.failure_cases
    if isinstance(cases, pd.DataFrame) and len(cases):
        first = cases.iloc[0]
        row = first.get("index")
        value = first["failure_case"]
        spot = f"row {int(row) + 1}, " if isinstance(row, int | float) and row == row else ""
        if column in table.columns:
            return f"table '{name}', {spot}column '{column}', value {value!r}: {error.check}"
        return f"table '{name}', {spot}value {value!r}: {error.check}"
    return f"table '{name}': {str(error).splitlines()[0]}"
