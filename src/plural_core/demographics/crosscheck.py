"""Cross-checks with R: linear mixed models through pymer4, and R's own clmm on a random subset.

Both run in a process of their own, so that R's messages and failures cannot harm a notebook.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from plural_core.demographics.analysis import demographic_analysis
from plural_core.demographics.fit import NOTHING_TO_COMPARE, model_frame, study_formula
from plural_core.errors import WorkflowError
from plural_core.ordinal import CLMMResult, clmm
from plural_core.ratings.privacy import ProtectedParticipants
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig

NO_R = "R was not found, so the cross-checks are left out; install R and run make again to have them."

_CLMM = r"""
suppressPackageStartupMessages(library(ordinal))
args <- commandArgs(trailingOnly = TRUE)
d <- read.csv(args[1], stringsAsFactors = FALSE)
levels <- strsplit(readLines(args[2]), "\t")
for (l in levels) d[[l[1]]] <- factor(d[[l[1]]], levels = l[-1], ordered = l[1] == "rating")
d$participant <- factor(d$participant); d$item <- factor(d$item)
fit <- clmm(as.formula(args[3]), data = d)
s <- coef(summary(fit))
out <- data.frame(term = rownames(s), estimate = s[, 1], std_error = s[, 2])
sds <- sapply(VarCorr(fit), function(v) attr(v, "stddev"))
out <- rbind(out, data.frame(term = paste0("sd(", names(VarCorr(fit)), ")"), estimate = sds, std_error = NA),
             data.frame(term = "logLik", estimate = as.numeric(logLik(fit)), std_error = NA))
out$estimate <- sprintf("%.12g", out$estimate); out$std_error <- sprintf("%.12g", out$std_error)
write.csv(out, args[4], row.names = FALSE)
"""

_LMER = """
import json, sys, warnings
warnings.simplefilter("ignore")
import pandas as pd
from pymer4.models import Lmer
jobs = json.load(open(sys.argv[1], encoding="utf-8"))
parts = []
for job in jobs:
    frame = pd.read_csv(job["data"], keep_default_na=False)
    model = Lmer(job["formula"], data=frame)
    model.fit(factors=job["factors"], summarize=False, no_warnings=True)
    table = model.coefs[["Estimate", "SE", "P-val"]].rename_axis("term").reset_index()
    parts.append(table.assign(dimension=job["dimension"]))
pd.concat(parts).to_csv(sys.argv[2], index=False)
"""


def r_available() -> bool:
    """Return whether R is on the PATH."""
    return shutil.which("Rscript") is not None


def pymer4_available() -> bool:
    """Return whether pymer4 can be imported here (the [r] extra)."""
    from importlib.util import find_spec

    return r_available() and find_spec("pymer4") is not None


def random_subset(frame: pd.DataFrame, n_ratings: int, seed: int) -> pd.DataFrame:
    """Return the ratings of a random sample of items, with the levels that occur in it.

    Parameters
    ----------
    frame : DataFrame
        As `plural_core.demographics.fit.model_frame` returns it.
    n_ratings : int
        Whole items are drawn until there are so many ratings.
    seed : int
        Seed of the draw.
    """
    complete = frame.dropna()
    sizes = complete["item"].value_counts().sort_index()
    order = np.random.default_rng([seed, 5]).permutation(len(sizes))
    enough = int(np.searchsorted(np.cumsum(sizes.to_numpy()[order]), n_ratings)) + 1
    subset = complete[complete["item"].isin(sizes.index[order[:enough]])].reset_index(drop=True)
    for name in subset.select_dtypes("category").columns:
        subset[name] = subset[name].cat.remove_unused_categories()
    return subset


def r_clmm(frame: pd.DataFrame, formula: str, timeout: float = 300.0) -> pd.DataFrame:
    """Fit R's ``ordinal::clmm``.

    Parameters
    ----------
    frame : DataFrame
        Columns rating (ordered categorical), participant, item and the factors (categorical).
    formula : str
        The model's formula.
    timeout : float
        Seconds after which R is stopped.

    Returns
    -------
    DataFrame
        Columns term, estimate, std_error; the last rows are sd(...) of the random terms and logLik.

    Raises
    ------
    WorkflowError
        R is missing, fails or takes too long.
    """
    if not r_available():
        raise WorkflowError(NO_R)
    with tempfile.TemporaryDirectory() as folder:
        data, levels, script, out = (Path(folder) / n for n in ("data.csv", "levels.tsv", "fit.R", "out.csv"))
        _anonymous(frame).to_csv(data, index=False)
        categories = frame.select_dtypes("category")
        levels.write_text(
            "".join("\t".join([str(c), *map(str, frame[c].cat.categories)]) + "\n" for c in categories),
            encoding="utf-8",
        )
        script.write_text(_CLMM, encoding="utf-8")
        _call(["Rscript", "--vanilla", str(script), str(data), str(levels), formula, str(out)], timeout)
        return pd.read_csv(out, na_values=["NaN", "NA"])


def linear_mixed_models(
    frames: Mapping[str, pd.DataFrame], factors: Mapping[str, list[str]], formula: str, timeout: float = 600.0
) -> pd.DataFrame:
    """Fit lme4's linear mixed model to the level numbers of every dimension through pymer4, in one process.

    Parameters
    ----------
    frames : mapping
        For each dimension a frame as `plural_core.demographics.fit.model_frame` returns it.
    factors : mapping
        Levels of each factor, the reference level first.
    formula : str
        The model's formula.
    timeout : float
        Seconds after which R is stopped.

    Returns
    -------
    DataFrame
        Columns dimension, term (``gendermale``), estimate (rating levels), std_error, p_value (Satterthwaite).

    Raises
    ------
    WorkflowError
        R or pymer4 is missing, or the fit fails or takes too long.
    """
    if not pymer4_available():
        raise WorkflowError(NO_R)
    with tempfile.TemporaryDirectory() as folder:
        out, listing = Path(folder) / "out.csv", Path(folder) / "jobs.json"
        jobs = []
        for i, (dimension, frame) in enumerate(frames.items()):
            data = Path(folder) / f"{i}.csv"
            complete = frame.dropna()
            _anonymous(complete.assign(rating=complete["rating"].astype(int))).to_csv(data, index=False)
            levels = {name: list(names) for name, names in factors.items()}
            jobs.append({"dimension": dimension, "data": str(data), "formula": formula, "factors": levels})
        listing.write_text(json.dumps(jobs), encoding="utf-8")
        _call([sys.executable, "-c", _LMER, str(listing), str(out)], timeout)
        table = pd.read_csv(out)
    names = {f"{k}{level}": f"{k}{level}" for k, levels in factors.items() for level in levels[1:]}
    # pymer4 numbers dummy columns (gender1, gender2 ...) in the order of the levels.
    names |= {f"{k}{i}": f"{k}{level}" for k, levels in factors.items() for i, level in enumerate(levels[1:], 1)}
    table["term"] = [names.get(t, t) for t in table["term"]]
    table = table.rename(columns={"Estimate": "estimate", "SE": "std_error", "P-val": "p_value"})
    return table[["dimension", "term", "estimate", "std_error", "p_value"]]


def compare_with_r(fit: CLMMResult, reference: pd.DataFrame) -> pd.DataFrame:
    """Set a fit beside R's: term, ours, R's, difference, for coefficients, thresholds, sds and log-likelihood.

    Parameters
    ----------
    fit : CLMMResult
        Our fit of the same data.
    reference : DataFrame
        As `r_clmm` returns it.
    """
    ours: dict[str, tuple[float, float]] = {}
    for table in (fit.thresholds, fit.coefficients):
        for term, row in table.iterrows():
            ours[str(term)] = (float(row["estimate"]), float(row["std_error"]))
    for term, row in fit.random_effects.iterrows():
        ours[f"sd({term})"] = (float(row["sd"]), float("nan"))
    ours["logLik"] = (float(fit.loglik), float("nan"))
    rows = []
    for term, estimate, std_error in reference[["term", "estimate", "std_error"]].itertuples(index=False, name=None):
        if term in ours:
            value, error = ours[term]
            rows.append(
                {
                    "term": term,
                    "ours": value,
                    "r": float(estimate),
                    "difference": value - float(estimate),
                    "std_error_ours": error,
                    "std_error_r": float(std_error),
                }
            )
    return pd.DataFrame(rows)


def linear_crosscheck(
    tables: RatingTables, people: ProtectedParticipants, config: StudyConfig, timeout: float = 600.0
) -> pd.DataFrame:
    """Set lme4's linear mixed model of every dimension beside the study's own models.

    Returns
    -------
    DataFrame
        Columns dimension, term, estimate, p_value (ours), linear_estimate, linear_p_value, same_sign,
        same_significance (at 5 %, before adjustment).
    """
    if not pymer4_available():
        raise WorkflowError(NO_R if not r_available() else "pymer4 (extra [r]) is not installed here")
    analysis = demographic_analysis(tables, people, config)
    if not analysis.fits:
        raise WorkflowError(next(iter(analysis.failed.values())))
    frames = {d: model_frame(tables, people, analysis.config, d)[0] for d in analysis.fits}
    linear = linear_mixed_models(frames, analysis.factors, study_formula(list(analysis.factors)), timeout)
    linear = linear.rename(columns={"estimate": "linear_estimate", "p_value": "linear_p_value"})
    ours = analysis.rows[["dimension", "term", "estimate", "p_value"]]
    table = ours.merge(linear.drop(columns="std_error"), on=["dimension", "term"])
    table["same_sign"] = np.sign(table["estimate"]) == np.sign(table["linear_estimate"])
    table["same_significance"] = (table["p_value"] < 0.05) == (table["linear_p_value"] < 0.05)
    return table


def clmm_crosscheck(
    tables: RatingTables, people: ProtectedParticipants, config: StudyConfig, dimension: str, n_ratings: int
) -> pd.DataFrame:
    """Fit the study's model to a random subset of items with R and with our own code.

    Returns
    -------
    DataFrame
        As `compare_with_r` returns it, with the dimension in front.
    """
    if not r_available():
        raise WorkflowError(NO_R)
    frame, factors = model_frame(tables, people, config, dimension)
    if not factors:
        raise WorkflowError(NOTHING_TO_COMPARE)
    subset = random_subset(frame, n_ratings, config.seed)
    kept = [name for name in factors if len(set(subset[name])) > 1]
    formula = study_formula(kept)
    subset = subset[["rating", "participant", "item", *kept]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a subset has more random effects than ratings; the study has not
        try:
            ours = clmm(formula, subset)
        except ValueError as error:
            raise WorkflowError(f"the random subset cannot be fitted: {error}") from None
    table = compare_with_r(ours, r_clmm(subset, formula))
    table.insert(0, "dimension", dimension)
    return table


def largest_difference(table: pd.DataFrame) -> float:
    """Return the largest absolute difference of `clmm_crosscheck` over all its terms but the log-likelihood."""
    return float(table.loc[table["term"] != "logLik", "difference"].abs().max())


def crosscheck_findings(linear: pd.DataFrame | None, exact: pd.DataFrame | None) -> Iterator[dict[str, Any]]:
    """Yield the findings of the cross-check notebook (arguments of ``Notebook.finding``); none without R."""
    if linear is not None and len(linear):
        share = float(linear["same_sign"].mean())
        both = int((linear["same_sign"] & linear["same_significance"]).sum())
        yield {
            "id": "crosscheck_linear",
            "sentence": (
                f"lme4's linear mixed model has the same sign for {share:.0%} of {len(linear)} effects, and the same "
                f"sign and significance for {both}."
            ),
            "value": share,
            "n": len(linear),
        }
    if exact is not None and len(exact):
        largest = largest_difference(exact)
        yield {
            "id": "crosscheck_clmm",
            "sentence": f"On a random subset R's clmm and ours differ by at most {largest:.1e} in any parameter.",
            "value": largest,
            "n": len(exact),
        }


def _anonymous(frame: pd.DataFrame) -> pd.DataFrame:
    """Number participants and items, so that no id is ever written to a scratch file."""
    numbered = {c: pd.factorize(frame[c])[0] for c in ("participant", "item")}
    return frame.assign(**numbered)


def _call(command: list[str], timeout: float) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise WorkflowError(f"the cross-check with R took more than {timeout:.0f} s and was stopped") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()] or ["no message"]
        raise WorkflowError(f"the cross-check with R failed: {lines[-1]}")
