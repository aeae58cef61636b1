"""Rated texts and what a judge says of them: the material of every validation of a judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from plural_core.agreement.counts import DimensionRatings, code_ratings, item_counts
from plural_core.evaluation.judges.base import FAILED, Ask, Judge
from plural_core.preferences.prompts import JUDGE, tuning_items
from plural_core.ratings.tables import RatingTables
from plural_core.simulation.streams import stream
from plural_core.study import StudyConfig
from plural_core.study.measures_config import DimensionConfig

MOST_ITEMS = 5000
"""Rated texts that a judge on this machine is asked about."""
MOST_ASKED = 500
"""Rated texts that a judge elsewhere, or a slow one, is asked about: it costs money or time."""
SCORES = ["judge", "dimension", "item_id", "score", "reason"]


@dataclass(frozen=True, eq=False)
class JudgedItems:
    """The scored items of one judge and dimension, with people's ratings of them.

    Parameters
    ----------
    judge, dimension : str
        Whose scores, of what.
    scale : DimensionConfig
        The dimension's scale.
    ratings : DimensionRatings
        The ratings of these items; ``item`` is the row in the arrays below.
    counts : ndarray of int, shape (items, levels)
        Ratings per item and level, one or more per item.
    score : ndarray, shape (items,)
        Scores in [0, 1].
    n_unscored : int
        Rated items that the judge was asked about and gave no score.
    """

    judge: str
    dimension: str
    scale: DimensionConfig
    ratings: DimensionRatings
    counts: np.ndarray
    score: np.ndarray
    n_unscored: int = 0

    @property
    def level(self) -> np.ndarray:
        """The level number, from 1, that is nearest to each score; halves go up."""
        return nearest_level(self.score, self.scale.levels)

    @property
    def side(self) -> np.ndarray:
        """The side of each level of the scale; see `side_of`."""
        return side_of(self.scale)


def nearest_level(score: np.ndarray, levels: int) -> np.ndarray:
    """Return the level number, from 1, that is nearest to each score in [0, 1]; halves go up."""
    return np.clip(np.floor(score * (levels - 1) + 0.5).astype(np.int64), 0, levels - 1) + 1


def side_of(scale: DimensionConfig) -> np.ndarray:
    """Return the side of each level of a scale: -1 disagree, 0 neutral, 1 agree, shape (levels,)."""
    levels = np.arange(1, scale.levels + 1)
    return np.where(levels >= scale.agree_level, 1, np.where(levels <= scale.disagree_level, -1, 0))


def validation_items(
    config: StudyConfig,
    tables: RatingTables,
    splits: pd.DataFrame,
    judge: str,
    most: int | None = None,
) -> pd.DataFrame:
    """Return the rated texts on which a judge is validated: item_id, prompt_id, prompt, response, language.

    Parameters
    ----------
    config : StudyConfig
        Names the judges, and has the seed of the draw.
    tables : RatingTables
        Ratings and texts.
    splits : DataFrame
        Table ``prompt_splits``.
    judge : str
        Key in ``judges``. One that is fitted to ratings is not asked about the prompts of its split.
    most : int, optional
        How many at most (default: `MOST_ITEMS`, or `MOST_ASKED` for the kinds openai and classifier).

    Notes
    -----
    Where there are more, they are drawn by seed, those with two ratings of a dimension or more first, since others
    say nothing of agreement. The draw does not depend on the judge, so that judges are compared on the same texts as
    far as they can be.
    """
    kind = config.judges[judge].kind
    texts = tuning_items(tables.items, config)
    if kind == "ratings_model":
        own = set(splits.loc[splits["split"] == JUDGE, "prompt_id"])
        texts = texts[~texts["prompt_id"].isin(own)]
    per_dimension = tables.ratings.groupby(["item_id", "dimension"], observed=True).size()
    n = per_dimension.groupby("item_id").max().reindex(texts["item_id"]).fillna(0).to_numpy()
    texts, n = texts[n > 0], n[n > 0]
    limit = most if most is not None else MOST_ASKED if kind in ("openai", "classifier") else MOST_ITEMS
    if len(texts) > limit:
        # One random key per item of the study, so that leaving some out does not change the order of the others.
        key = pd.Series(stream(config.seed, "judges", "validation").random(len(tables.items)))
        of_item = key.set_axis(np.sort(tables.items["item_id"].to_numpy(dtype=object)))
        order = np.lexsort([of_item.loc[texts["item_id"]].to_numpy(), n < 2])
        texts = texts.iloc[order[:limit]]
    return texts.sort_values("item_id", ignore_index=True)


def judge_items(
    judge: Judge, items: pd.DataFrame, ratings: pd.DataFrame, dimensions: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return a judge's scores of rated texts: judge, dimension, item_id, score, reason.

    Parameters
    ----------
    judge : Judge
        Also one that keeps its scores.
    items : DataFrame
        From `validation_items`.
    ratings : DataFrame
        Table ``ratings``: only what people rated on a dimension is asked about.
    dimensions : sequence of str, optional
        Default: all that the judge scores.
    """
    parts = []
    for dimension in dimensions if dimensions is not None else judge.dimensions:
        rated = set(ratings.loc[ratings["dimension"] == dimension, "item_id"])
        of = items[items["item_id"].isin(rated)]
        texts = zip(of["prompt"], of["response"], of["language"], strict=True)
        score = np.full(len(of), np.nan)
        reason = np.full(len(of), f"{FAILED}the judge gave no answer", dtype=object)
        for index, verdict in judge.judge(dimension, [Ask(*text) for text in texts]):
            score[index], reason[index] = verdict
        parts.append(
            pd.DataFrame(
                {
                    "judge": np.full(len(of), judge.name, dtype=object),
                    "dimension": np.full(len(of), dimension, dtype=object),
                    "item_id": of["item_id"].to_numpy(dtype=object),
                    "score": score,
                    "reason": reason,
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=SCORES)


def judged_items(scores: pd.DataFrame, tables: RatingTables, config: StudyConfig) -> list[JudgedItems]:
    """Put scores and ratings together, for every judge and dimension in the order of the scores and of the config.

    Parameters
    ----------
    scores : DataFrame
        judge, dimension, item_id, score (missing: none); from `judge_items`, of one judge or several.
    tables : RatingTables
        The ratings.
    config : StudyConfig
        The scales.
    """
    coded = {d.name: d for d in code_ratings(tables, config).dimensions}
    ids = pd.Index(tables.items["item_id"])
    found = []
    for name in dict.fromkeys(scores["judge"]):
        own = scores[scores["judge"] == name]
        for dimension, ratings in coded.items():
            of = own[own["dimension"] == dimension]
            score = np.full(len(ids), np.nan)
            place = ids.get_indexer(pd.Index(of["item_id"]))
            score[place[place >= 0]] = of["score"].to_numpy(dtype=float)[place >= 0]
            rated = np.zeros(len(ids), dtype=bool)
            rated[ratings.item] = True
            asked = np.zeros(len(ids), dtype=bool)
            asked[place[place >= 0]] = True
            if (asked & rated).any():
                found.append(_one(str(name), config.dimensions[dimension], ratings, score, asked & rated))
    return found


def _one(
    judge: str, scale: DimensionConfig, ratings: DimensionRatings, score: np.ndarray, asked: np.ndarray
) -> JudgedItems:
    kept = asked & np.isfinite(score)
    row = np.cumsum(kept) - 1
    of = np.flatnonzero(kept[ratings.item])
    own = DimensionRatings(
        ratings.name, ratings.levels, ratings.participant[of], row[ratings.item[of]], ratings.rating[of]
    )
    counts = item_counts(own).counts
    return JudgedItems(judge, ratings.name, scale, own, counts, score[kept], int((asked & ~kept).sum()))
