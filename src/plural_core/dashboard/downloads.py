"""Files for readers: CSV that no spreadsheet runs, and pictures; both say so where data are simulated."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from plural_core.dashboard.guard import FORBIDDEN
from plural_core.errors import PrivacyError

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Beginnings of a text cell that spreadsheets take as a formula, or skip before looking for one."""
SIMULATED_COLUMN = "data_origin"
SIMULATED_VALUE = "simulated data"


def safe_cell(value: object) -> object:
    """Return a cell that no spreadsheet takes as a formula: such texts get an apostrophe in front.

    Numbers, missing values and harmless texts stay as they are.
    """
    if not isinstance(value, str):
        return value
    # Spreadsheets skip blanks, and full-width signs mean the same as plain ones.
    seen = value.lstrip(" \u00a0\u3000").translate(_WIDE)
    return f"'{value}" if value.startswith(FORMULA) or seen.startswith(FORMULA) else value


_WIDE = str.maketrans({"＝": "=", "＋": "+", "－": "-", "＠": "@"})


def csv_bytes(table: pd.DataFrame, *, simulated: bool) -> bytes:
    """Return a table as CSV: UTF-8 with a mark that spreadsheets look for, decimal points, no index.

    Parameters
    ----------
    table : DataFrame
        What to write.
    simulated : bool
        Whether to mark every row as simulated, in a column of its own.

    Raises
    ------
    PrivacyError
        A column of single people.
    """
    forbidden = FORBIDDEN & set(table.columns)
    if forbidden:
        raise PrivacyError(f"column '{sorted(forbidden)[0]}' is about single people and is not exported")
    safe = table.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]) and not pd.api.types.is_bool_dtype(safe[name]):
            values = safe[name].astype(object).to_numpy()
            safe[name] = np.array([safe_cell(v) for v in values], dtype=object)
    if simulated:
        safe[SIMULATED_COLUMN] = SIMULATED_VALUE
    safe.columns = pd.Index([str(safe_cell(str(c))) for c in safe.columns])
    return bytes(safe.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig"))


def file_name(study: str, panel: str, ending: str, *, simulated: bool) -> str:
    """Return the name of a file: study, what, and whether it is simulated; small letters, digits and hyphens only."""
    parts = [study, panel, *(["simulated"] if simulated else [])]
    plain = "_".join(re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") or "x" for part in parts)
    return f"{plain}.{ending}"
