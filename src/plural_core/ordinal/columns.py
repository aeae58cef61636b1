"""Columns of the data: checked, typed, and made into factors, groups and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from plural_core.ordinal.errors import FormulaError, ModelDataError, listing, nearest
from plural_core.ordinal.formula import ParsedFormula, RandomTerm


@dataclass(frozen=True)
class Group:
    """A random term on the data: `codes` (n,) into `levels`."""

    term: RandomTerm
    codes: np.ndarray
    levels: pd.Index


def check_columns(data: pd.DataFrame, parsed: ParsedFormula, wanted: Sequence[str]) -> None:
    """Raise if the formula names a column that is not there."""
    for column in wanted:
        if column not in data.columns:
            raise FormulaError(
                f"formula '{parsed.text}' names '{column}', which is not a column of the data"
                f" ({listing(data.columns)}).{nearest(column, data.columns)}"
            )


def check_unique(data: pd.DataFrame, used: Sequence[str]) -> None:
    """Raise if a used column name occurs twice."""
    for column in used:
        if int((data.columns == column).sum()) > 1:
            raise ModelDataError(f"the data have several columns called '{column}'; rename or drop one")


def check_infinite(values: pd.Series, column: str) -> None:
    """Raise if a numeric column holds infinite values."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        infinite = np.isinf(values.to_numpy(dtype=float, na_value=np.nan))
        if infinite.any():
            n, row = int(infinite.sum()), int(np.flatnonzero(infinite)[0])
            found = f"an infinite value in row {row}" if n == 1 else f"{n} infinite values (first in row {row})"
            them = "it" if n == 1 else "them"
            raise ModelDataError(f"column '{column}' has {found}; remove {them} or mark {them} as missing")


def read_weights(weights: Any, data: pd.DataFrame) -> np.ndarray:
    """Case weights as an array, one per row of the data."""
    if weights is None:
        return np.ones(len(data))
    if isinstance(weights, str):
        if weights not in data.columns:
            raise ModelDataError(f"weights column '{weights}' is not in the data.{nearest(weights, data.columns)}")
        weights = data[weights]
    try:
        values = np.asarray(weights, dtype=float)
    except (TypeError, ValueError) as error:
        raise ModelDataError("weights must be numbers, one per row, or the name of a column") from error
    if values.shape != (len(data),):
        raise ModelDataError(f"weights have shape {values.shape}, the data have {len(data)} rows")
    if not np.isfinite(values).all():
        raise ModelDataError(f"{int((~np.isfinite(values)).sum())} weights are missing or infinite")
    if (values < 0).any():
        row = int(np.flatnonzero(values < 0)[0])
        raise ModelDataError(f"weights must not be negative (row {row} has {values[row]:g})")
    return values


def prepare_factors(
    frame: pd.DataFrame, covariates: Sequence[str], reference: Mapping[str, Any]
) -> dict[str, tuple[Any, ...]]:
    """Make every non-numeric covariate a categorical whose first category is the reference level."""
    for column in reference:
        if column not in covariates:
            raise ModelDataError(
                f"reference names '{column}', which is not a covariate of the formula.{nearest(column, covariates)}"
            )
    factors: dict[str, tuple[Any, ...]] = {}
    for column in covariates:
        values = frame[column]
        if pd.api.types.is_bool_dtype(values):
            values = values.map({True: "TRUE", False: "FALSE"})
        elif pd.api.types.is_numeric_dtype(values):
            if column in reference:
                raise ModelDataError(
                    f"reference names '{column}', which is numeric; make it categorical first:"
                    f" data['{column}'].astype('category')"
                )
            frame[column] = values.astype(float)
            continue
        elif pd.api.types.is_datetime64_any_dtype(values):
            raise ModelDataError(f"column '{column}' holds dates; turn it into a number or a category")
        if isinstance(values.dtype, pd.CategoricalDtype):
            levels = [v for v in values.cat.categories if (values == v).any()]
        else:
            levels = sorted(values.unique().tolist(), key=lambda v: (str(type(v)), v))
        if column in reference:
            wanted = reference[column]
            if isinstance(wanted, bool | np.bool_):
                wanted = str(wanted).upper()
            if wanted not in levels:
                raise ModelDataError(
                    f"reference level '{wanted}' is not a level of '{column}' ({listing(levels)})."
                    f"{nearest(wanted, levels)}"
                )
            levels = [wanted, *(v for v in levels if v != wanted)]
        frame[column] = pd.Categorical(values, categories=levels)
        factors[column] = tuple(levels)
    return factors


def group_labels(frame: pd.DataFrame, term: RandomTerm) -> pd.Series:
    """Label of each row's group; interactions are joined with ':' as in R."""
    if len(term.columns) == 1:
        return frame[term.columns[0]]
    parts = [frame[column].astype(str) for column in term.columns]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + ":" + part
    return joined


def read_groups(frame: pd.DataFrame, terms: Sequence[RandomTerm]) -> tuple[Group, ...]:
    """Groups of every random term, most levels first, as R orders them."""
    groups: list[Group] = []
    for term in terms:
        labels = group_labels(frame, term)
        codes, levels = pd.factorize(labels, sort=True)
        levels = pd.Index(levels)
        if len(levels) < 2:
            raise ModelDataError(
                f"the grouping factor '{term.name}' has one level ({levels[0]}); leave out (1 | {term.name})"
            )
        groups.append(Group(term, codes.astype(np.int64), levels))
    return tuple(sorted(groups, key=lambda group: -len(group.levels)))


def saturated(groups: Sequence[Group], n: int) -> list[str]:
    """Messages about random terms with as many levels as there are ratings."""
    notes = []
    for group in groups:
        if len(group.levels) == n:
            notes.append(
                f"'{group.term.name}' has as many levels as there are ratings ({n}): its standard deviation is"
                " identified by the shape of the link alone"
            )
    if not notes and groups and sum(len(g.levels) for g in groups) >= n:
        total = sum(len(g.levels) for g in groups)
        notes.append(f"there are as many random effects ({total}) as ratings ({n}) or more")
    return notes
