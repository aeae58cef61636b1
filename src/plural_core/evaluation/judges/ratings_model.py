"""The judge that people's ratings make: P(level) of a text by ordinal regression on its words and letters.

It is fitted to the ratings of the judge split only, works on any language without a network, and is the same for the
same ratings whatever their order. Its score is (E[level] - 1) / (K - 1).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from plural_core.evaluation.judges.base import UNSCORABLE, Ask, JudgeError, Verdict
from plural_core.evaluation.judges.cross_validation import (
    FOLDS,
    PENALTIES,
    HeldOut,
    choose_penalty,
    fit,
    folds_of,
    held_out,
)
from plural_core.evaluation.judges.penalised_ordinal import PenalisedOrdinal
from plural_core.evaluation.judges.text_features import LETTERS, MIN_TEXTS, WORD_WEIGHT, Counter, Weights
from plural_core.preferences.prompts import JUDGE, tuning_items
from plural_core.simulation.streams import stream
from plural_core.study import StudyConfig

FEWEST_ITEMS = 50
"""Rated texts of a dimension below which no judge is fitted."""
MOST_ITEMS = 3000
"""Texts that a judge is fitted to, drawn by seed where there are more: the fit takes time in proportion."""
MODEL_VERSION = 1
"""Raise it when scores may change although neither the ratings nor the settings do."""


@dataclass(frozen=True, eq=False)
class RatedTexts:
    """What a judge is fitted to, on one dimension.

    Parameters
    ----------
    texts : list of str
        Texts, in the order of their items' ids.
    counts : ndarray, shape (texts, levels)
        Ratings per text and level.
    prompts : ndarray of str, shape (texts,)
        Prompt of each text; a prompt's texts are in one fold.
    """

    texts: list[str]
    counts: np.ndarray
    prompts: np.ndarray


@dataclass(frozen=True, eq=False)
class DimensionModel:
    """What a judge knows of one dimension.

    Parameters
    ----------
    rated : RatedTexts
        What it was fitted to.
    fold : ndarray of int, shape (texts,)
        Folds of the cross-validation.
    counter, weights, model : Counter, Weights, PenalisedOrdinal
        From a text to P(level).
    penalty : float
        One of `cross_validation.PENALTIES`, chosen by the log-likelihood of held-out ratings.
    version : str
        Hash of texts, ratings and settings.
    """

    rated: RatedTexts
    fold: np.ndarray
    counter: Counter
    weights: Weights
    model: PenalisedOrdinal
    penalty: float
    version: str

    def probabilities(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return P(level) of each text, shape (texts, levels), and whether it has any known term."""
        x = self.weights.features(self.counter.count(list(texts)))
        return self.model.probabilities(x), np.diff(x.indptr) > 0

    def held_out(self) -> HeldOut:
        """Return what models that have not seen a text's prompt predict of it, the penalty chosen without it too."""
        return held_out(self.counter.count(self.rated.texts), self.rated.counts, self.fold)


class RatingsModelJudge:
    """Scores as people of the judge split would rate, on average.

    Parameters
    ----------
    name : str
        Its key in the study's ``judges``.
    models : mapping of str to DimensionModel
        One per dimension.
    whole : bool
        Whether a text is judged with its prompt in front, because people rated the two as one text.
    skipped : mapping of str to str
        Dimensions that cannot be fitted, each with one line that says why.
    """

    def __init__(
        self,
        name: str,
        models: Mapping[str, DimensionModel],
        whole: bool = False,
        skipped: Mapping[str, str] | None = None,
    ):
        self._name = name
        self.models = dict(models)
        self.whole = whole
        self.skipped = dict(skipped or {})

    @property
    def name(self) -> str:
        """Its key in the study's ``judges``."""
        return self._name

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Dimensions that it scores."""
        return tuple(self.models)

    def version(self, dimension: str) -> str:
        """Return the hash of the texts and ratings that it was fitted to, and of the settings of the fit."""
        return self._model(dimension).version

    def judge(self, dimension: str, asks: Sequence[Ask]) -> Iterator[tuple[int, Verdict]]:
        """Score texts; see `Judge`. A text that shares no word or run of letters with the fitted ones has no score."""
        model = self._model(dimension)
        if not asks:
            return
        texts = [text_of(ask.prompt, ask.response, self.whole) for ask in asks]
        probabilities, known = model.probabilities(texts)
        levels = probabilities.shape[1]
        scores = np.clip(probabilities @ np.arange(levels) / (levels - 1), 0.0, 1.0)
        for index, ask in enumerate(asks):
            if not ask.response.strip():
                yield index, Verdict.missing(f"{UNSCORABLE}an empty text")
            elif not known[index]:
                yield index, Verdict.missing(f"{UNSCORABLE}it shares no word with the texts that people rated")
            else:
                yield index, Verdict(float(scores[index]))

    def _model(self, dimension: str) -> DimensionModel:
        if dimension not in self.models:
            raise JudgeError(
                self.skipped.get(dimension, f"judge '{self._name}': it is not fitted to dimension '{dimension}'")
            )
        return self.models[dimension]


def text_of(prompt: str, response: str, whole: bool) -> str:
    """Return the text that is judged: the response, or prompt and response as one text."""
    return f"{prompt} {response}".strip() if whole else response


def fit_ratings_judge(
    config: StudyConfig,
    ratings: pd.DataFrame,
    items: pd.DataFrame,
    splits: pd.DataFrame,
    name: str = "ratings_model",
    dimensions: Sequence[str] | None = None,
) -> RatingsModelJudge:
    """Fit a judge to the ratings of the judge split.

    Parameters
    ----------
    config : StudyConfig
        Scales of the dimensions, and the seed of the folds.
    ratings, items, splits : DataFrame
        Tables ``ratings``, ``items`` and ``prompt_splits``; nothing but the rows of the judge split is looked at.
    name : str
        The judge's key in the study's ``judges``.
    dimensions : sequence of str, optional
        Which to fit (default: the judge's own, else all that are scored, else all of the study).

    Returns
    -------
    RatingsModelJudge
        A dimension with fewer than `FEWEST_ITEMS` rated texts, or ratings that are all equal, is left out, and
        ``skipped`` says why.

    Raises
    ------
    JudgeError
        No dimension can be fitted.
    """
    section = config.judges.get(name)
    wanted = (
        dimensions or (section.dimensions if section else []) or config.scored_dimensions or list(config.dimensions)
    )
    whole = config.prompts.first_words is not None
    models, skipped = {}, {}
    for dimension in wanted:
        rated = rated_texts(config, ratings, items, splits, dimension, whole)
        reason = _unfit(rated)
        if reason:
            skipped[dimension] = f"judge '{name}': '{dimension}' {reason}"
        else:
            models[dimension] = fit_dimension(rated, config.seed)
    if not models:
        raise JudgeError(
            next(iter(skipped.values()), f"judge '{name}': no dimension to score")
            + "; give the judge more prompts (prompts.judge), or use another judge"
        )
    return RatingsModelJudge(name, models, whole, skipped)


def rated_texts(
    config: StudyConfig,
    ratings: pd.DataFrame,
    items: pd.DataFrame,
    splits: pd.DataFrame,
    dimension: str,
    whole: bool = False,
) -> RatedTexts:
    """Return the texts of the judge split that people rated on a dimension, sorted by item."""
    prompts = set(splits.loc[splits["split"] == JUDGE, "prompt_id"])
    texts = tuning_items(items, config)
    texts = texts[texts["prompt_id"].isin(prompts)].sort_values("item_id", ignore_index=True)
    of = ratings[ratings["dimension"] == dimension]
    row = pd.Index(texts["item_id"]).get_indexer(pd.Index(of["item_id"]))
    levels = config.dimensions[dimension].levels
    place = row * levels + of["rating"].to_numpy(dtype=np.int64) - 1
    counts = np.bincount(place[row >= 0], minlength=len(texts) * levels).reshape(len(texts), levels).astype(float)
    kept = np.flatnonzero(counts.sum(axis=1) > 0)
    if len(kept) > MOST_ITEMS:
        drawn = stream(config.seed, "judges", "texts").choice(len(kept), MOST_ITEMS, replace=False)
        kept = kept[np.sort(drawn)]
    chosen = texts.iloc[kept]
    pairs = zip(chosen["prompt"], chosen["response"], strict=True)
    return RatedTexts(
        [text_of(prompt, response, whole) for prompt, response in pairs],
        counts[kept],
        chosen["prompt_id"].to_numpy(dtype=object),
    )


def fit_dimension(rated: RatedTexts, seed: int) -> DimensionModel:
    """Fit one dimension: choose the penalty by cross-validation, then fit to all texts."""
    counter = Counter.of(rated.texts)
    terms = counter.count(rated.texts)
    fold = folds_of(rated.prompts, stream(seed, "judges", "folds"))
    penalty = choose_penalty(terms, rated.counts, fold)
    weights, model = fit(terms, rated.counts, penalty)
    return DimensionModel(rated, fold, counter, weights, model, penalty, _version(rated, penalty))


def _unfit(rated: RatedTexts) -> str:
    """Return why no judge can be fitted, or an empty string."""
    if len(rated.texts) < FEWEST_ITEMS:
        return f"has {len(rated.texts)} rated texts in the judge split, and a fit needs {FEWEST_ITEMS}"
    if np.count_nonzero(rated.counts.sum(axis=0)) < 2:
        return "has ratings of one level only in the judge split, so there is nothing to learn"
    return ""


def _version(rated: RatedTexts, penalty: float) -> str:
    settings = [MODEL_VERSION, WORD_WEIGHT, LETTERS, MIN_TEXTS, PENALTIES, FOLDS, penalty]
    content = sorted(zip(rated.texts, rated.counts.astype(int).tolist(), strict=True))
    return hashlib.sha256(json.dumps([settings, content]).encode()).hexdigest()[:16]
