"""Reward models: what a condition's raters would say of a text, fitted to that condition's own ratings.

A reward model is for training only. It sees train prompts, never those of the judge or the test split, and nothing that
judges a tuned model is used to fit it: a model that is rewarded by its judge learns to please the judge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold

from plural_core.errors import listing
from plural_core.preferences.prompts import TRAIN
from plural_core.training.trained import TrainingError

FEWEST_ITEMS = 20
"""Rated texts of a dimension below which no reward model is fitted: folds of fewer than four say nothing."""
FOLDS = 5
"""Folds of the cross-validation; a prompt's texts are always in one fold."""
PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Ridge penalties tried, for weights of mean 1."""
MOST_FEATURES = 20_000
"""Most frequent n-grams kept of each kind, so that memory stays small on large data."""


@dataclass(frozen=True)
class RewardFit:
    """How well one dimension's rewards are predicted for texts of prompts that the fit has not seen.

    Parameters
    ----------
    dimension : str
        The rated dimension.
    n_items : int
        Rated texts.
    n_labels : int
        Labels behind their means.
    n_prompts : int
        Prompts that the texts answer.
    penalty : float
        Ridge penalty with the smallest out-of-fold error; NaN where all rewards are equal.
    r2 : float
        1 - weighted squared error out of fold / weighted variance of the rewards. The penalty was chosen on the same
        folds, so it is a little too good. NaN where all rewards are equal.
    spearman : float
        Rank correlation of out-of-fold predictions with the rewards; NaN where either is constant. Both are held down
        by the noise of the ratings: a mean of three ratings is not the truth.
    """

    dimension: str
    n_items: int
    n_labels: int
    n_prompts: int
    penalty: float
    r2: float
    spearman: float

    @property
    def constant(self) -> bool:
        """Whether all rewards are equal, so that there is nothing to learn."""
        return bool(np.isnan(self.penalty))


class _Features:
    """TF-IDF of word 1- and 2-grams and of character 2- to 4-grams within words, each kind of unit length.

    Punctuation and emoji are words too: ratings of tone hang on them.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._kinds = (
            CountVectorizer(ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]", max_features=MOST_FEATURES),
            CountVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_features=MOST_FEATURES),
        )
        counts = [kind.fit_transform(texts) for kind in self._kinds]
        self._tf_idf = [_tf_idf(block) for block in counts]

    def count(self, texts: Sequence[str]) -> list[sp.csr_matrix]:
        return [kind.transform(texts) for kind in self._kinds]

    def weigh(self, counts: list[sp.csr_matrix]) -> sp.csr_matrix:
        return _weigh(self._tf_idf, counts)


@dataclass(frozen=True, eq=False)
class RewardModel:
    """Rewards of texts, one per dimension, 1 the best; see `fit_rewards`."""

    fits: tuple[RewardFit, ...]
    prompt_ids: frozenset[str] = field(repr=False)
    _features: _Features = field(repr=False)
    _coefficients: np.ndarray = field(repr=False)
    _intercepts: np.ndarray = field(repr=False)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Dimensions in the order of the columns of `score`."""
        return tuple(fit.dimension for fit in self.fits)

    @property
    def fingerprint(self) -> str:
        """Hash of what the model predicts; equal data give an equal one."""
        digest = hashlib.sha256("\0".join(self.dimensions).encode())
        digest.update(self._coefficients.tobytes())
        digest.update(self._intercepts.tobytes())
        return digest.hexdigest()

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Return the predicted rewards of texts.

        They are cut to [0, 1]: no rating lies outside, a model that is tuned on them gains nothing from texts more
        extreme than any that people rated, and 0 stays the worst reward there is (see `plural_core.training.grpo`).

        Parameters
        ----------
        texts : sequence of str
            Responses, without their prompts.

        Returns
        -------
        ndarray of float, shape (texts, dimensions)
            In [0, 1].
        """
        if not len(texts):
            return np.empty((0, len(self.fits)))
        x = self._features.weigh(self._features.count(texts))
        rewards: np.ndarray = np.clip(x @ self._coefficients + self._intercepts, 0.0, 1.0)
        return rewards

    def to_frame(self) -> pd.DataFrame:
        """Return one row per dimension: the record of `RewardFit`."""
        return pd.DataFrame([asdict(fit) for fit in self.fits])


def fit_rewards(labels: pd.DataFrame, texts: pd.DataFrame, prompts: pd.DataFrame) -> RewardModel:
    """Fit one ridge regression per dimension to a condition's labels, weighted by their numbers.

    Features are word 1- and 2-grams and character 2- to 4-grams within words, each as sublinear TF-IDF of unit length:
    for several languages and without any network. The penalty is the one with the smallest weighted error over folds
    that keep a prompt's texts together; inverse document frequencies are those of the training folds.

    Parameters
    ----------
    labels : DataFrame
        dimension, prompt_id, item_id, n_labels, reward (of one condition: `PreferenceSet.labels`).
    texts : DataFrame
        item_id, response. Labels of items without a text are left out.
    prompts : DataFrame
        prompt_id, split: what each prompt is for.

    Raises
    ------
    TrainingError
        A label belongs to a prompt that is not for training, or a dimension has fewer than 20 rated texts, or texts
        of fewer than two prompts.
    """
    check_training_prompts(set(labels["prompt_id"]), prompts)
    response = texts.drop_duplicates("item_id").set_index("item_id")["response"]
    labels = labels[labels["item_id"].isin(response.index)]
    if labels.empty:
        raise TrainingError("reward model: no label belongs to an item with a text; there is nothing to fit to")
    parts = {str(name): part for name, part in labels.groupby("dimension", sort=False)}
    for name, part in parts.items():
        _check_enough(name, part)
    features = _Features(list(response.loc[list(dict.fromkeys(labels["item_id"]))]))
    fits, coefficients, intercepts = [], [], []
    for name, part in parts.items():
        fit, slope, intercept = _fit(name, part, features, list(response.loc[part["item_id"]]))
        fits.append(fit)
        coefficients.append(slope)
        intercepts.append(intercept)
    return RewardModel(
        tuple(fits), frozenset(labels["prompt_id"]), features, np.column_stack(coefficients), np.array(intercepts)
    )


def check_training_prompts(used: Collection[str], prompts: pd.DataFrame) -> None:
    """Raise where a reward model would see, or has seen, a prompt that is not for training.

    Parameters
    ----------
    used : collection of str
        Ids of prompts.
    prompts : DataFrame
        prompt_id, split.

    Raises
    ------
    TrainingError
        One of them is for judging or testing, or for nothing.
    """
    strangers = sorted(set(used) - set(prompts.loc[prompts["split"] == TRAIN, "prompt_id"]))
    if strangers:
        raise TrainingError(
            f"reward model: {len(strangers)} prompts of the labels are not for training ({listing(strangers, 3)}); "
            "build the condition from train prompts only"
        )


def _check_enough(name: str, part: pd.DataFrame) -> None:
    n_prompts = part["prompt_id"].nunique()
    if len(part) < FEWEST_ITEMS or n_prompts < 2:
        raise TrainingError(
            f"reward model: '{name}' has {len(part)} rated texts of {n_prompts} prompts, too few to test it on texts "
            f"that it has not seen; it takes {FEWEST_ITEMS} texts and 2 prompts"
        )


def _fit(
    name: str, part: pd.DataFrame, features: _Features, texts: Sequence[str]
) -> tuple[RewardFit, np.ndarray, float]:
    """Choose the penalty by cross-validation, then fit to all; constant rewards give a constant."""
    reward = part["reward"].to_numpy(dtype=float)
    n_labels = part["n_labels"].to_numpy(dtype=float)
    prompts = part["prompt_id"].to_numpy()
    n_prompts = len(set(prompts))
    size = (len(reward), int(n_labels.sum()), n_prompts)
    weights = n_labels / n_labels.mean()
    counts = features.count(texts)
    whole = features.weigh(counts)
    if np.ptp(reward) == 0.0:
        nothing = float("nan")
        return RewardFit(name, *size, nothing, nothing, nothing), np.zeros(whole.shape[1]), float(reward[0])
    predicted = np.empty((len(PENALTIES), len(reward)))
    for seen, unseen in GroupKFold(min(FOLDS, n_prompts)).split(reward, groups=prompts):
        x = _weigh([_tf_idf(block[seen]) for block in counts], counts)
        for k, penalty in enumerate(PENALTIES):
            slope, intercept = _ridge(x[seen], reward[seen], weights[seen], penalty)
            predicted[k, unseen] = x[unseen] @ slope + intercept
    errors = (predicted - reward) ** 2 @ weights
    best = int(np.argmin(errors))
    spread = (reward - np.average(reward, weights=weights)) ** 2 @ weights
    moves = np.ptp(predicted[best]) > 0.0
    fit = RewardFit(
        name,
        *size,
        penalty=PENALTIES[best],
        r2=float(1.0 - errors[best] / spread),
        spearman=float(spearmanr(predicted[best], reward).statistic) if moves else float("nan"),
    )
    return fit, *_ridge(whole, reward, weights, PENALTIES[best])


def _tf_idf(counts: sp.csr_matrix) -> TfidfTransformer:
    return TfidfTransformer(sublinear_tf=True).fit(counts)


def _weigh(tf_idf: list[TfidfTransformer], counts: list[sp.csr_matrix]) -> sp.csr_matrix:
    blocks = [kind.transform(block) for kind, block in zip(tf_idf, counts, strict=True)]
    return sp.csr_matrix(sp.hstack(blocks))


def _ridge(x: sp.csr_matrix, reward: np.ndarray, weights: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    ridge = Ridge(alpha=penalty, solver="sparse_cg", tol=1e-4).fit(x, reward, sample_weight=weights)
    return ridge.coef_, float(ridge.intercept_)
