"""The paper's figures (arXiv 2511.14476), to stand beside ours: other people, other models."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from plural_core.errors import DataError, listing
from plural_core.workflow.project import project_folder

COLUMNS = (
    "id",
    "experiment",
    "quantity",
    "contrast",
    "dimension",
    "value",
    "unit",
    "p_value",
    "source",
    "note",
)
UNITS = ("count", "share", "probability", "percent", "alpha", "score")
"""What a published value is counted in."""
LABEL = "published (other people, other models)"

# The contrast of a published effect, as factor and level of the paper's regression.
_TERMS = {
    "male vs female": ("gender", "male"),
    "conservative vs liberal": ("political", "conservative"),
    "Black vs White": ("ethnicity", "Black"),
    "51-60 vs 18-30": ("age_band", "51-60"),
}


def published_term(contrast: str) -> str:
    """Return R's name of the coefficient that a published contrast speaks of, empty where there is none."""
    return "".join(_TERMS.get(contrast, ("", "")))


def read_published(path: Path | None = None) -> pd.DataFrame:
    """Read the published results.

    Parameters
    ----------
    path : Path, optional
        Another file of the same form than ``data/published/published_results.csv``.

    Raises
    ------
    DataError
        The file is missing or is no such table: a column is missing, an id is missing or there twice, a value is no
        number, a unit is none of `UNITS`, a
        demographic contrast is not one of the paper's, a p-value is not printed as ``0.010`` or ``<.01``.
    """
    path = path or project_folder() / "data" / "published" / "published_results.csv"
    try:
        table = pd.read_csv(path, dtype={"p_value": "string", "note": "string"}, keep_default_na=True)
    except FileNotFoundError:
        raise DataError(f"{path}: the published results are missing") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: this is no table of published results ({error})") from None
    missing = [c for c in COLUMNS if c not in table.columns]
    if missing:
        raise DataError(f"{path}: column '{missing[0]}' is missing; expected {', '.join(COLUMNS)}")
    return _checked(table[list(COLUMNS)], path)


def _checked(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the table with numbers as values; the first cell that cannot be used is named with its line."""
    number = pd.to_numeric(table["value"], errors="coerce")
    ids = table["id"].astype("string")
    printed = [pd.isna(p) or re.fullmatch(r"<?\s*(0?\.\d+|[01](\.0*)?)", str(p).strip()) for p in table["p_value"]]
    unknown = (table["experiment"] == "clmm") & ~table["contrast"].isin(_TERMS)
    faults = {
        "id": (ids.isna() | ids.duplicated(), "which is missing or there twice"),
        "value": (number.isna() & table["value"].notna(), "which is no number"),
        "contrast": (unknown, f"which is none of {listing(_TERMS)}"),
        "unit": (~table["unit"].isin(UNITS), f"which is none of {listing(UNITS)}"),
        "p_value": (~pd.Series([bool(ok) for ok in printed], index=table.index), "which is no p-value such as <.01"),
    }
    for column, (wrong, why) in faults.items():
        if wrong.any():
            first = int(wrong.to_numpy().argmax())
            raise DataError(f"{path}: line {first + 2}: column '{column}' holds '{table[column].iloc[first]}', {why}")
    return table.assign(value=number.astype(float))


def published_demographic_effects(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the published changes in odds, one row per dimension and level.

    Returns
    -------
    DataFrame
        Columns dimension, factor, level, term (R's name, ``gendermale``), percent_change, p_value (as printed).
    """
    results = table if table is not None else read_published()
    rows = results[results["experiment"] == "clmm"]
    terms = [_TERMS[contrast] for contrast in rows["contrast"]]
    return pd.DataFrame(
        {
            "dimension": rows["dimension"].to_numpy(),
            "factor": [factor for factor, _ in terms],
            "level": [level for _, level in terms],
            "term": [factor + level for factor, level in terms],
            "percent_change": rows["value"].to_numpy(dtype=float),
            "p_value": rows["p_value"].to_numpy(),
        }
    )
