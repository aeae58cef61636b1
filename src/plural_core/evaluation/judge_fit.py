"""How well a judge that is fitted to ratings predicts those of prompts that its models have not seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from plural_core.agreement.frames import table_of
from plural_core.evaluation.item_sums import estimate_rows, ratio, summed
from plural_core.evaluation.judges.cross_validation import log_losses
from plural_core.evaluation.judges.ratings_model import DimensionModel, RatingsModelJudge
from plural_core.evaluation.validation import DIFFERENCE, Estimate, agreement
from plural_core.study import StudyConfig
from plural_core.study.measures_config import DimensionConfig

MODEL, BASE_RATE = "model", "base rate"


@dataclass(frozen=True)
class JudgeFit:
    """Cross-validated agreement of a fitted judge, on one dimension.

    Parameters
    ----------
    judge, dimension : str
        The judge.
    estimates : tuple of Estimate
        ``log_loss``: mean negative log-likelihood of a rating in nats, of the model, of the base rates of the same
        training texts, and the difference (below 0 where the model predicts better); then the measures of
        `validation.agreement`. Texts are those of the judge split; folds are whole prompts, and a fold's penalty is
        chosen without it.
    penalties : tuple of float
        The penalty chosen for each fold.
    """

    judge: str
    dimension: str
    estimates: tuple[Estimate, ...]
    penalties: tuple[float, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return table ``judge_fit``, one row per measure and comparison."""
        where = {"judge": self.judge, "dimension": self.dimension}
        return table_of([where | asdict(estimate) for estimate in self.estimates], "judge_fit")


def judge_fit(
    judge: str,
    dimension: str,
    model: DimensionModel,
    scale: DimensionConfig,
    *,
    draws: int = 0,
    rng: np.random.Generator | None = None,
    level: float = 0.95,
) -> JudgeFit:
    """Return how well a fitted judge predicts ratings of unseen prompts, with a bootstrap over items.

    Parameters
    ----------
    judge, dimension : str
        Names.
    model : DimensionModel
        One dimension of a `RatingsModelJudge`.
    scale : DimensionConfig
        The dimension's scale.
    draws : int
        Bootstrap draws over items (0: no intervals).
    rng : Generator, optional
        Needed where there are draws.
    level : float
        Confidence level.
    """
    held, counts = model.held_out(), model.rated.counts
    losses = np.column_stack(
        [log_losses(held.probabilities, counts), log_losses(held.base, counts), counts.sum(axis=1)]
    )

    def values(weights: np.ndarray) -> np.ndarray:
        own, base, n = summed(weights, losses).T
        return np.column_stack([ratio(own, n), ratio(base, n), ratio(own - base, n)])

    rows = estimate_rows(values, len(losses), draws=draws, rng=rng, level=level)
    n_ratings = int(counts.sum())
    found = []
    for comparison, row in zip((MODEL, BASE_RATE, DIFFERENCE), rows, strict=True):
        value, low, high = (float(v) for v in row)
        found.append(Estimate("log_loss", comparison, value, low, high, len(losses), n_ratings))
    levels = counts.shape[1]
    score = np.clip(held.probabilities @ np.arange(levels) / (levels - 1), 0.0, 1.0)
    people = agreement(counts, score, scale, draws=draws, rng=rng, level=level)
    return JudgeFit(judge, dimension, (*found, *people), held.penalties)


def fit_table(
    judge: RatingsModelJudge,
    config: StudyConfig,
    *,
    draws: int = 0,
    rng: np.random.Generator | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return table ``judge_fit`` of all dimensions of a fitted judge."""
    frames = [
        judge_fit(judge.name, name, model, config.dimensions[name], draws=draws, rng=rng, level=level).to_frame()
        for name, model in judge.models.items()
    ]
    return pd.concat(frames, ignore_index=True) if frames else table_of([], "judge_fit")
