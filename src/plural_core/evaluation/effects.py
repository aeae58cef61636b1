"""Effects of fine-tunes: differences of scores per family, paired by prompt, with bounds for unscorable answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from plural_core.errors import DataError, listing
from plural_core.study import StudyConfig
from plural_core.study.conditions_config import BASE
from plural_core.study.contrasts import Contrast, study_contrasts
from plural_core.synthesis.paired import paired_difference, unit_mean

KEY = ["experiment", "contrast", "dimension", "judge", "family"]
VALUES = ["estimate", "std_error", "n_prompts", "n_unscorable", "bound_low", "bound_high"]
COLUMNS = [*KEY, *VALUES]
SCORE_COLUMNS = ["family", "condition", "dimension", "judge", "mean", "std_error", "n_prompts", "n_unscorable"]
_COUNTS = {"n_prompts": int, "n_unscorable": int}


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects of a study's fine-tunes.

    Parameters
    ----------
    table : DataFrame
        Table ``effects``.
    notes : tuple of str
        What is missing, one line each: runs without scores, and what a judge did not score.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return table ``effects``."""
        return self.table


@dataclass(frozen=True, eq=False)
class FamilyScores:
    """Scores of one family by one judge on one dimension.

    Parameters
    ----------
    family, dimension, judge : str
        Whose scores.
    conditions : ndarray of str, shape (runs,)
        The condition of each run; several seeds of a condition are several runs.
    values : ndarray, shape (runs, prompts)
        Scores in [0, 1]; NaN where there is none.
    answered : ndarray of bool, shape (runs, prompts)
        Whether the run has an answer there, scorable or not.
    """

    family: str
    dimension: str
    judge: str
    conditions: np.ndarray
    values: np.ndarray
    answered: np.ndarray

    def has(self, condition: str) -> bool:
        """Return whether any run of the condition has a score, or an answer that could not be scored."""
        return bool((self.conditions == condition).any())

    def sides(self, *conditions: str) -> list[np.ndarray]:
        """Return each condition's scores, shape (its runs, prompts), on the prompts that any of them answers."""
        rows = [self.conditions == condition for condition in conditions]
        prompts = np.logical_or.reduce([self.answered[row].any(axis=0) for row in rows])
        return [self.values[row][:, prompts] for row in rows]


def effects_table(scores: pd.DataFrame, runs: pd.DataFrame, config: StudyConfig, replicate: int = 0) -> Effects:
    """Return the effect of every contrast of every experiment, per family, judge and scored dimension.

    Contrasts are those of `study_contrasts`: the declared ones, and each condition against the base model, called
    ``<condition> - base`` where it is not declared under another name. An effect is the mean over test prompts of
    (score of first − score of second), its standard error that of the paired differences; seeds are averaged within
    a prompt first. A prompt without a score on one side is left out and counted in n_unscorable, whatever the reason;
    the bounds set every missing score to 0 or 1, whichever makes the difference least or greatest.

    Parameters
    ----------
    scores : DataFrame
        Table ``scores``.
    runs : DataFrame
        Table ``runs``: which family, condition, seed and replicate a run is.
    config : StudyConfig
        Experiments, families, judges and scored dimensions.
    replicate : int
        0: the participants as they are; from 1 up: a draw of the rater bootstrap. The base model, which depends on
        nobody's ratings, belongs to each.

    Returns
    -------
    Effects
        Sorted by experiment, contrast, dimension, judge and family. A family that lacks a run of either side has no
        row. std_error is missing where fewer than two prompts have a difference.

    Raises
    ------
    DataError
        A column is missing, or two scores stand for one run, prompt, dimension and judge.
    """
    chosen = chosen_runs(runs, replicate)
    chosen = chosen[chosen["family"].isin(config.models.families)]
    contrasts = [c for name in config.experiments for c in study_contrasts(config, name)]
    found = [
        part
        for part in family_scores(scores, chosen)
        if part.judge in config.judges and part.dimension in config.scored_dimensions
    ]
    rows = [_row(contrast, part) for part in found for contrast in contrasts if _possible(contrast, part)]
    table = pd.DataFrame(rows, columns=COLUMNS).astype({**dict.fromkeys(VALUES, float), **_COUNTS})
    return Effects(
        table.sort_values(KEY, kind="stable", ignore_index=True), tuple(_notes(found, runs, config, replicate))
    )


def condition_scores(scores: pd.DataFrame, runs: pd.DataFrame, replicate: int = 0) -> pd.DataFrame:
    """Return the mean score of every condition's answers, per family, dimension and judge.

    Parameters
    ----------
    scores, runs : DataFrame
        The study's tables.
    replicate : int
        See `effects_table`.

    Returns
    -------
    DataFrame
        family, condition, dimension, judge, mean, std_error (of the mean over prompts, seeds averaged within a prompt
        first), n_prompts, n_unscorable (prompts without a score). Families and conditions in the order of `runs`.

    Raises
    ------
    DataError
        As `effects_table`.
    """
    chosen = chosen_runs(runs, replicate)
    rows = []
    for part in family_scores(scores, chosen):
        for condition in dict.fromkeys(part.conditions):
            mean = unit_mean(part.sides(condition)[0])
            rows.append(
                (part.family, condition, part.dimension, part.judge, mean.mean, mean.std_error, mean.n, mean.n_missing)
            )
    frame = pd.DataFrame(rows, columns=SCORE_COLUMNS).astype({"mean": float, "std_error": float, **_COUNTS})
    place = {name: number for number, name in enumerate(dict.fromkeys(chosen["condition"]))}
    families = {name: number for number, name in enumerate(dict.fromkeys(chosen["family"]))}
    order = frame.assign(_f=frame["family"].map(families), _c=frame["condition"].map(place))
    return frame.loc[order.sort_values(["judge", "dimension", "_f", "_c"], kind="stable").index].reset_index(drop=True)


def chosen_runs(runs: pd.DataFrame, replicate: int) -> pd.DataFrame:
    """Return the runs of a replicate, and those of the base models."""
    _check("runs", runs, ("run_id", "family", "condition", "replicate"))
    return runs[(runs["replicate"] == replicate) | (runs["condition"] == BASE)]


def family_scores(scores: pd.DataFrame, runs: pd.DataFrame) -> Iterator[FamilyScores]:
    """Yield the scores of each family, judge and dimension as arrays; families and runs in the order of `runs`.

    Parameters
    ----------
    scores : DataFrame
        Table ``scores``.
    runs : DataFrame
        The runs that count; scores of others are left out.
    """
    _check("scores", scores, ("run_id", "prompt_id", "dimension", "judge", "score"))
    key = ["run_id", "prompt_id", "dimension", "judge"]
    twice = scores.duplicated(key)
    if twice.any():
        first = scores.loc[twice].iloc[0]
        raise DataError(
            f"scores: {first['judge']} scores the answer of run '{first['run_id']}' to prompt '{first['prompt_id']}' "
            f"on {first['dimension']} twice"
        )
    families = list(dict.fromkeys(runs["family"]))
    place = pd.Series(range(len(runs)), index=runs["run_id"])
    own = scores[scores["run_id"].isin(place.index)]
    number = own["run_id"].map(place).to_numpy()
    own = own.assign(_run=number, _family=runs["family"].to_numpy()[number.astype(int)])
    for (judge, dimension), part in own.groupby(["judge", "dimension"], sort=True):
        for family in families:
            rows = part[part["_family"] == family]
            if rows.empty:
                continue
            used, run = np.unique(rows["_run"].to_numpy().astype(int), return_inverse=True)
            prompt, prompts = pd.factorize(rows["prompt_id"], sort=True)
            values = np.full((used.size, len(prompts)), np.nan)
            answered = np.zeros(values.shape, dtype=bool)
            values[run, prompt] = rows["score"].to_numpy(dtype=float)
            answered[run, prompt] = True
            conditions = runs["condition"].to_numpy()[used]
            yield FamilyScores(family, str(dimension), str(judge), conditions, values, answered)


def _possible(contrast: Contrast, part: FamilyScores) -> bool:
    return part.has(contrast.first) and part.has(contrast.second)


def _row(contrast: Contrast, part: FamilyScores) -> tuple[object, ...]:
    found = paired_difference(*part.sides(contrast.first, contrast.second))
    key = (contrast.experiment, contrast.name, part.dimension, part.judge, part.family)
    return (*key, found.estimate, found.std_error, found.n, found.n_missing, found.bound_low, found.bound_high)


def _notes(found: list[FamilyScores], runs: pd.DataFrame, config: StudyConfig, replicate: int) -> Iterator[str]:
    """Say what is missing: a line per family for runs without any score, and a line for what a judge left out."""
    wanted = [BASE, *config.tuned_conditions]
    for family in config.models.families:
        there = {condition for part in found if part.family == family for condition in part.conditions}
        gone = [condition for condition in wanted if condition not in there]
        if not gone:
            continue
        again = f", draw {replicate} of the raters" if replicate else ""
        if not there:
            yield f"{family}{again}: no run has scores, so this family is in no effect."
        else:
            why = [f"{condition}{_status(runs, family, condition, replicate)}" for condition in gone]
            yield f"{family}{again}: no scores of {listing(why)}; effects of these are without this family."
    pairs = {(part.judge, part.dimension) for part in found}
    for judge, settings in config.judges.items():
        missing = [
            dimension
            for dimension in config.scored_dimensions
            if (judge, dimension) not in pairs and dimension in (settings.dimensions or config.scored_dimensions)
        ]
        if missing and found:
            yield f"judge '{judge}' has scored nothing on {listing(missing)}."


def _status(runs: pd.DataFrame, family: str, condition: str, replicate: int) -> str:
    """Return what became of the runs of a condition, in brackets."""
    own = runs[(runs["family"] == family) & (runs["condition"] == condition) & (runs["replicate"] == replicate)]
    told = [str(status) for status in dict.fromkeys(own.get("status", pd.Series(dtype=object))) if status != "done"]
    return f" ({', '.join(told)})" if told else ""


def _check(name: str, table: pd.DataFrame, columns: Iterable[str]) -> None:
    for column in columns:
        if column not in table.columns:
            raise DataError(f"{name}: column '{column}' is missing; make the table again (notebook 10_evaluate)")
