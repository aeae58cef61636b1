"""Scores as arrays: one number per family, condition and test prompt, seeds averaged within a prompt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

FloatArray = np.ndarray


@dataclass(frozen=True, eq=False)
class ScoreMatrix:
    """Scores of one judge on one dimension.

    Parameters
    ----------
    families, conditions, prompts : tuple of str
        What the axes stand for.
    values : ndarray, shape (families, conditions, prompts)
        Scores in [0, 1]; NaN where a run or a score is missing.
    """

    families: tuple[str, ...]
    conditions: tuple[str, ...]
    prompts: tuple[str, ...]
    values: FloatArray

    def has(self, condition: str) -> bool:
        """Return whether any run of the condition has a score."""
        return condition in self.conditions

    def differences(self, first: str, second: str) -> FloatArray:
        """Return first minus second, shape (families, prompts); NaN where either is missing."""
        a, b = self.conditions.index(first), self.conditions.index(second)
        difference: FloatArray = self.values[:, a] - self.values[:, b]
        return difference


def score_matrix(
    scores: pd.DataFrame, runs: pd.DataFrame, judge: str, dimension: str, families: list[str], replicate: int = 0
) -> ScoreMatrix:
    """Return the scores of one judge on one dimension as an array.

    Parameters
    ----------
    scores : DataFrame
        Table ``scores``.
    runs : DataFrame
        Table ``runs``: which family, condition, seed and replicate a run is.
    judge, dimension : str
        Which scores.
    families : list of str
        Families in the order that readers see; one without any score is left out.
    replicate : int
        0: the participants as they are. The base model, which depends on nobody's ratings, belongs to every replicate.
    """
    wanted = runs[(runs["replicate"] == replicate) | (runs["condition"] == "base")]
    own = scores[(scores["judge"] == judge) & (scores["dimension"] == dimension) & scores["score"].notna()]
    joined = own.merge(wanted[["run_id", "family", "condition"]], on="run_id")
    cells = joined.groupby(["family", "condition", "prompt_id"], sort=True)["score"].mean()
    there = cells.index.get_level_values("family").unique()
    kept = [family for family in families if family in there]
    conditions = sorted(cells.index.get_level_values("condition").unique())
    prompts = sorted(cells.index.get_level_values("prompt_id").unique())
    index = pd.MultiIndex.from_product([kept, conditions, prompts], names=cells.index.names)
    values = cells.reindex(index).to_numpy(dtype=float).reshape(len(kept), len(conditions), len(prompts))
    return ScoreMatrix(tuple(kept), tuple(conditions), tuple(prompts), values)
