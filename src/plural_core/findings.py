"""Findings: sentences with a number, an interval and an n that a stakeholder can quote."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from plural_core.errors import DataError
from plural_core.io import attempt, read_json, write_json

SIMULATED_PREFIX = "Simulated data: "
COLUMNS = ["notebook", "id", "sentence", "value", "ci_low", "ci_high", "n"]


@dataclass(frozen=True)
class Finding:
    """One finding.

    Parameters
    ----------
    id : str
        Stable name within its notebook, for example ``disagreement_overall``.
    sentence : str
        A plain sentence with the number in it.
    value : float or None
        The number; None where it is not estimable.
    ci_low, ci_high : float or None
        Limits of its interval, None where there is none.
    n : int or None
        What it rests on (ratings, items or people, as the sentence says).
    """

    id: str
    sentence: str
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    n: int | None = None


def make_finding(
    id: str,
    sentence: str,
    value: float | None = None,
    ci_low: float | None = None,
    ci_high: float | None = None,
    n: int | None = None,
    *,
    simulated: bool,
) -> Finding:
    """Return a finding with NaN as None and, for a simulated study, the mark in front of its sentence."""
    marked = SIMULATED_PREFIX + sentence if simulated and not sentence.startswith(SIMULATED_PREFIX) else sentence
    return Finding(id, marked, _plain(value), _plain(ci_low), _plain(ci_high), None if n is None else int(n))


def _plain(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(float(value)) else float(value)


def write_findings(findings: Iterable[Finding], path: Path) -> None:
    """Write the findings of one notebook as JSON, atomically."""
    write_json([asdict(f) for f in findings], path)


def read_findings(folder: Path) -> pd.DataFrame:
    """Read the findings of every notebook under ``results/<study>/findings/``, in notebook order.

    Returns
    -------
    DataFrame
        Columns notebook, id, sentence, value, ci_low, ci_high, n; empty where nothing is there yet. A damaged
        file is left out.
    """
    rows: list[dict[str, object]] = []
    for path in sorted(folder.glob("*.json")):
        entries = attempt(read_json, path, default=[])
        rows += [{"notebook": path.stem, **asdict(_parse(entry, path))} for entry in entries]
    return pd.DataFrame(rows, columns=COLUMNS)


def _parse(entry: object, path: Path) -> Finding:
    if not isinstance(entry, dict):
        raise DataError(f"{path}: expected a list of findings; delete it and run again")
    try:
        return Finding(**entry)
    except TypeError as error:
        raise DataError(f"{path}: not a finding ({error}); delete it and run again") from None
