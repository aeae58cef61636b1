"""From a data frame to columns: response codes, model matrix with R's names, groups, weights."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec, model_matrix
from formulaic.errors import FormulaicError
from formulaic.transforms.contrasts import C as as_factor

from plural_core.ordinal.columns import (
    Group,
    check_columns,
    check_infinite,
    check_unique,
    prepare_factors,
    read_groups,
    read_weights,
    saturated,
)
from plural_core.ordinal.errors import FormulaError, ModelDataError, listing, nearest
from plural_core.ordinal.formula import ParsedFormula, expression_names
from plural_core.ordinal.response import read_response

# Names of functions that a formula may use as in R; everything else comes from formulaic (C, poly, bs, ...).
_FUNCTIONS: dict[str, Any] = {
    "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p, "exp": np.exp, "sqrt": np.sqrt,
    "abs": np.abs, "factor": as_factor, "np": np,
}  # fmt: skip


@dataclass(frozen=True)
class ModelFrame:
    """Everything the fit takes from the data.

    Attributes
    ----------
    frame : DataFrame
        The rows used, with factors as categoricals whose first category is the reference.
    index : Index
        Their labels in the data given.
    y : ndarray of int
        Response codes from 0.
    levels : tuple
        Response levels, lowest first.
    x : ndarray, shape (n, p)
        Model matrix without intercept and without collinear columns.
    names : tuple of str
        R's names of its columns.
    terms : dict
        Formula term -> names of its columns; `term_factors` the data columns each term uses.
    groups : tuple of Group
        Random terms, most levels first, as R orders them.
    n_dropped : int
        Rows left out because a value was missing.
    collinear : tuple of str
        Columns left out because others determine them.
    """

    parsed: ParsedFormula
    frame: pd.DataFrame
    index: pd.Index
    y: np.ndarray
    levels: tuple[Any, ...]
    x: np.ndarray
    names: tuple[str, ...]
    spec: ModelSpec
    kept: np.ndarray
    terms: dict[str, tuple[str, ...]]
    term_factors: dict[str, tuple[str, ...]]
    factors: dict[str, tuple[Any, ...]]
    groups: tuple[Group, ...]
    weights: np.ndarray
    n_dropped: int
    collinear: tuple[str, ...]
    messages: tuple[str, ...]

    def columns_of(self, factor: str) -> list[int]:
        """Positions of all columns of terms that use the data column `factor`."""
        wanted = {n for term, used in self.term_factors.items() if factor in used for n in self.terms[term]}
        return [j for j, name in enumerate(self.names) if name in wanted]


def r_name(column: str) -> str:
    """R's name of a formulaic column: ``gender[T.male]`` -> ``gendermale``."""
    plain = re.sub(r"\[(?:T\.)?([^\]]*)\]", r"\1", column)
    return plain.replace(" ** ", "^").replace("**", "^")


def build_frame(
    parsed: ParsedFormula,
    data: Any,
    *,
    reference: Mapping[str, Any] | None = None,
    weights: str | Sequence[float] | np.ndarray | pd.Series | None = None,
) -> ModelFrame:
    """Read the data that a formula names.

    Raises
    ------
    FormulaError
        The formula does not parse, or names a column that is not there.
    ModelDataError
        Infinite values, a response without order, one category, a group with one level, negative weights, an
        unknown reference level.
    """
    if not isinstance(data, pd.DataFrame):
        try:
            data = pd.DataFrame(data)
        except (ValueError, TypeError) as error:
            raise ModelDataError(f"data must be a table (pandas DataFrame), not {type(data).__name__}") from error
    messages: list[str] = []
    if parsed.no_intercept:
        messages.append("the thresholds are the intercept of this model: '0 +' and '- 1' have no effect")
    covariates = _required(parsed)
    grouping = sorted({column for term in parsed.random for column in term.columns})
    check_columns(data, parsed, [parsed.response, *covariates, *grouping])
    case_weights = read_weights(weights, data)
    used = list(dict.fromkeys([parsed.response, *covariates, *grouping]))
    check_unique(data, used)
    frame = data[used].copy()
    for column in used:
        check_infinite(frame[column], column)
    present = frame.notna().all(axis=1).to_numpy()
    n_dropped = int((~present).sum())
    if n_dropped:
        messages.append(f"{n_dropped} rows with missing values were left out")
    weighted = case_weights > 0
    if (present & ~weighted).any():
        messages.append(f"{int((present & ~weighted).sum())} rows with weight zero carry no information")
    index = data.index[present & weighted]
    frame = frame[present & weighted].reset_index(drop=True)
    case_weights = case_weights[present & weighted]
    if frame.empty:
        raise ModelDataError(_no_row(len(data), n_dropped))
    y, levels, note = read_response(frame[parsed.response], parsed.response)
    messages += note
    factors = prepare_factors(frame, covariates, reference or {})
    groups = read_groups(frame, parsed.random)
    messages += saturated(groups, len(frame))
    matrix = _matrix(parsed, frame)
    spec = matrix.model_spec
    columns = [r_name(str(name)) for name in matrix.columns]
    x = matrix.to_numpy(dtype=float)
    if not np.isfinite(x).all():
        bad = [columns[j] for j in np.flatnonzero(~np.isfinite(x).all(axis=0))]
        raise ModelDataError(f"the term {listing(bad)} is not finite in some rows; check its argument")
    kept, collinear = _full_rank(x, columns)
    collinear += [f"{column} (one level)" for column, found in factors.items() if len(found) < 2]
    if collinear:
        text = f"dropped, because other columns determine them: {listing(collinear)}"
        messages.append(text)
    names = tuple(columns[j] for j in kept)
    terms = {
        str(term): tuple(columns[j] for j in range(*where.indices(len(columns))) if j in set(kept.tolist()))
        for term, where in spec.term_slices.items()
        if str(term) != "1"
    }
    term_factors = {
        str(term): tuple(str(v) for v in variables if str(v) in covariates)
        for term, variables in spec.term_variables.items()
    }
    return ModelFrame(
        parsed, frame, index, y, levels, x[:, kept], names, spec, kept, terms, term_factors, factors, groups,
        case_weights, n_dropped, tuple(collinear), tuple(messages),
    )  # fmt: skip


def _no_row(n: int, n_dropped: int) -> str:
    if not n:
        return "the data have no rows"
    if n_dropped < n:
        return f"every complete row has weight zero ({n - n_dropped} of {n} rows are complete)"
    return f"no complete row is left: of {n} rows {n_dropped} have missing values"


def _required(parsed: ParsedFormula) -> list[str]:
    """Data columns of the fixed part."""
    try:
        factors = [factor for term in Formula(parsed.fixed) for factor in term.factors]
    except FormulaicError as error:
        raise FormulaError(f"formula '{parsed.text}' does not parse: {_plain(error)}") from error
    found: set[str] = set()
    for factor in factors:
        if factor.eval_method.value == "lookup":
            found.add(str(factor.expr))
        elif factor.eval_method.value == "python":
            found |= expression_names(str(factor.expr), parsed.text)
    return sorted(found)


def _plain(error: Exception) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m|[⧛⧚]", "", str(error))
    return " ".join(text.split())


def _matrix(parsed: ParsedFormula, frame: pd.DataFrame) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", category=FutureWarning)
            matrix: pd.DataFrame = model_matrix(parsed.fixed, frame, context=_FUNCTIONS, na_action="ignore")
    except FormulaicError as error:
        raise FormulaError(f"formula '{parsed.text}' cannot be evaluated: {_plain(error)}") from error
    return matrix


def new_matrix(frame: ModelFrame, newdata: pd.DataFrame) -> np.ndarray:
    """Model matrix of new data, columns as in the fit."""
    missing = [c for c in frame.factors if c not in newdata.columns]
    missing += [c for c in _required(frame.parsed) if c not in newdata.columns and c not in missing]
    if missing:
        raise ModelDataError(f"newdata lacks the column {listing(missing)}.{nearest(missing[0], newdata.columns)}")
    prepared = newdata[_required(frame.parsed)].copy()
    for column in prepared.columns:
        values = prepared[column]
        check_infinite(values, column)
        if values.isna().any():
            raise ModelDataError(f"newdata column '{column}' has {int(values.isna().sum())} missing values")
        if column not in frame.factors:
            prepared[column] = values.astype(float)
            continue
        if pd.api.types.is_bool_dtype(values):
            values = values.map({True: "TRUE", False: "FALSE"})
        unknown = set(values.unique()) - set(frame.factors[column])
        if unknown:
            raise ModelDataError(
                f"newdata column '{column}' has the level '{sorted(map(str, unknown))[0]}' that the fit never saw"
                f" ({listing(frame.factors[column])})"
            )
        prepared[column] = pd.Categorical(values, categories=list(frame.factors[column]))
    if not len(prepared.columns):
        return np.zeros((len(newdata), 0))
    matrix = frame.spec.get_model_matrix(prepared, context=_FUNCTIONS)
    return np.asarray(matrix.to_numpy(dtype=float)[:, frame.kept])


def _full_rank(x: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Columns that are not combinations of the intercept and earlier columns (the intercept itself dropped)."""
    ones = [j for j, name in enumerate(names) if name == "Intercept"]
    order = [j for j in range(x.shape[1]) if j not in ones]
    norms = np.linalg.norm(x, axis=0)
    kept: list[int] = []
    dropped: list[str] = []
    basis = np.ones((len(x), 1)) / np.sqrt(len(x))
    for j in order:
        column = x[:, j] / (norms[j] or 1.0)
        # Twice, so that rounding of the first projection does not hide a dependence.
        rest = column - basis @ (basis.T @ column)
        rest = rest - basis @ (basis.T @ rest)
        size = float(np.linalg.norm(rest))
        if size < 1e-7:
            dropped.append(names[j])
        else:
            kept.append(j)
            basis = np.column_stack([basis, rest / size])
    return np.array(kept, dtype=np.int64), dropped
