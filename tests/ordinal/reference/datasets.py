"""Data sets, cells and the comparison that the reference tests share."""

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[3]
VALUES = ROOT / "validation" / "ordinal" / "values"
MANDATORY = os.environ.get("PLURAL_REQUIRE_CROSSCHECKS") == "1"


def unavailable(reason: str) -> None:
    """Skip with the reason, or fail where cross-checks are mandatory."""
    if MANDATORY:
        pytest.fail(f"PLURAL_REQUIRE_CROSSCHECKS=1, but {reason}")
    pytest.skip(reason)


def real_folder() -> Path:
    """The folder with classic/, popquorn/ and sbic/."""
    folder = os.environ.get("PLURAL_REAL_DATA")
    if not folder:
        unavailable("PLURAL_REAL_DATA is not set (a folder that holds classic/wine.csv)")
    path = Path(str(folder))
    if not (path / "classic" / "wine.csv").exists():
        unavailable(f"PLURAL_REAL_DATA={folder} holds no classic/wine.csv")
    return path


def _modal(values: pd.Series) -> str:
    return str(values.value_counts().sort_index(kind="stable").sort_values(ascending=False, kind="stable").index[0])


def _popquorn() -> pd.DataFrame:
    raw = pd.read_csv(real_folder() / "popquorn" / "raw_data.csv")
    raw = raw[raw["instance_id"].isin(sorted(raw["instance_id"].unique())[:120])]
    columns = {"offensiveness": "rating", "user_id": "rater", "instance_id": "item"}
    raw["offensiveness"] = raw["offensiveness"].astype(int)  # stored as 1.0, 2.0, ...
    return raw.rename(columns=columns)[["rating", "gender", "race", "rater", "item"]]


def _sbic(question: str) -> pd.DataFrame:
    raw = pd.read_csv(
        real_folder() / "sbic" / "SBIC.v2.dev.without_text.csv", dtype=str, keep_default_na=False
    ).drop_duplicates(["WorkerId", "HITId"])
    for column in ("annotatorGender", "annotatorPolitics", "annotatorRace"):
        raw[column] = raw["WorkerId"].map(raw.groupby("WorkerId")[column].agg(_modal))
    raw = raw[raw[question] != ""]
    # "na" is an answer not given: three people, whose levels separate jointly although none does alone.
    given = (raw[["annotatorGender", "annotatorPolitics", "annotatorRace"]] != "na").all(axis=1)
    raw = raw[given]
    raw = raw[raw["HITId"].isin(sorted(raw["HITId"].unique())[:120])]
    raw["rating"] = raw[question].str.removesuffix(".0")
    names = {"annotatorGender": "gender", "annotatorPolitics": "politics", "annotatorRace": "race"}
    names |= {"WorkerId": "rater", "HITId": "item"}
    return raw.rename(columns=names)[["rating", *names.values()]]


def drop_separated(data: pd.DataFrame, factors: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Remove levels whose ratings are all lowest or all highest, until none is left."""
    low, high = data["rating"].min(), data["rating"].max()
    dropped: list[str] = []
    while True:
        before = len(dropped)
        for factor in factors:
            for level in sorted(data[factor].unique()):
                rows = data.loc[data[factor] == level, "rating"]
                if (rows == low).all() or (rows == high).all():
                    dropped.append(f"{factor}={level} ({len(rows)} rows)")
                    data = data[data[factor] != level]
        if len(dropped) == before:
            return data, dropped


def load(name: str) -> pd.DataFrame:
    """A data set of the grid, with an ordered response and string factors."""
    if name in ("simulated", "binary"):
        data = pd.read_csv(Path(__file__).parent / "simulated.csv")
        if name == "binary":
            data["rating"] = np.where(data["rating"] >= 4, "high", "low")
            order = ["low", "high"]
        else:
            order = sorted(data["rating"].unique())
        data["rating"] = pd.Categorical(data["rating"], order, ordered=True)
        return data
    if name in ("wine", "soup"):
        data = pd.read_csv(real_folder() / "classic" / f"{name}.csv")
        response = "rating" if name == "wine" else "SURENESS"
    else:
        questions = {"sbic": "intentYN", "sbic_offensive": "offensiveYN"}
        data = _popquorn() if name == "popquorn" else _sbic(questions[name])
        factors = ["gender", "race"] if name == "popquorn" else ["gender", "politics", "race"]
        data, _ = drop_separated(data, factors)
        response = "rating"
    data[response] = pd.Categorical(data[response], sorted(data[response].unique()), ordered=True)
    for column in set(data.columns) & {"judge", "bottle", "RESP", "PRODID", "rater", "item"}:
        data[column] = data[column].astype(str)
    return data


def cells(name: str) -> list[dict[str, Any]]:
    """Pinned cells of one JSON file of validation/ordinal/values."""
    content = json.loads((VALUES / f"{name}.json").read_text(encoding="utf-8"))
    return list(content["cells"])


def label(cell: dict[str, Any]) -> str:
    """Short id of a cell for the test's name."""
    parts = [cell["dataset"], cell["structure"], cell["link"], cell["threshold"]]
    parts += [f"agq{cell['n_agq']}"] if cell.get("n_agq", 1) != 1 else []
    parts += ["weighted"] if cell.get("weights") else []
    return "-".join(parts)


def _term(name: str) -> frozenset[str]:
    return frozenset(part.strip() for part in name.split(":"))


def assert_matches(result: Any, cell: dict[str, Any]) -> None:
    """Hold a fit against a pinned cell with the tolerances of the project."""
    problems: list[str] = []

    def check(what: str, ours: float, theirs: float, limit: float, *, relative: bool) -> None:
        scale = abs(theirs) if relative else 1.0
        error = abs(ours - theirs) / scale
        if not error <= limit:  # also catches NaN
            problems.append(f"{what}: ours {ours:.10g}, R {theirs:.10g}, error {error:.2e} > {limit:g}")

    check("logLik", result.loglik, cell["logLik"], 1e-6, relative=True)
    assert result.n_obs == cell["n_obs"]
    coefficients, thresholds = result.coefficients, result.thresholds
    names = set(cell["coefficients"] or {})
    assert names <= set(coefficients.index), "names of the coefficients"
    # A collinear column that R drops may keep a row of ours, marked by a missing estimate.
    assert coefficients.loc[[n for n in coefficients.index if n not in names], "estimate"].isna().all()
    # Structured thresholds come as R's own parameters (central, spacing) or as the thresholds that these make.
    as_alpha = list(thresholds.index) == list(cell["alpha"])
    cut, cut_se = ("alpha", "alpha_se") if as_alpha else ("thresholds", "thresholds_se")
    assert list(thresholds.index) == list(cell[cut]), "names of the thresholds"
    sds = {_term(term): sd for term, sd in (cell.get("random_sd") or {}).items()}
    for part, part_se, table in (("coefficients", "coefficients_se", coefficients), (cut, cut_se, thresholds)):
        for name, value in (cell[part] or {}).items():
            check(name, table.loc[name, "estimate"], value, 1e-4, relative=False)
            error = cell[part_se][name]
            interior = all(sd > 1e-3 for sd in sds.values())
            if interior and error is not None and math.isfinite(error) and error > 1e-8:
                check(f"SE {name}", table.loc[name, "std_error"], error, 1e-3, relative=True)
    ours = {_term(term): sd for term, sd in result.random_effects["sd"].items()}
    assert set(ours) == set(sds), "random-effects terms"
    for term, sd in sds.items():
        check(f"sd {':'.join(sorted(term))}", ours[term], sd, 1e-4, relative=False)
    assert not problems, f"{label(cell)}: " + "; ".join(problems)
