"""How well ratings of unseen prompts are predicted: folds of whole prompts, and the penalty chosen within them.

The penalty is chosen by the log-likelihood of held-out ratings. What is reported of a fold comes from a penalty that
was chosen without that fold: for every two folds there is a path of fits that has seen neither of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from plural_core.evaluation.judges.penalised_ordinal import Features, PenalisedOrdinal, base_rates, fit_penalised
from plural_core.evaluation.judges.text_features import TermCounts, Weights

FOLDS = 5
PENALTIES = (100.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03)
"""Ridge penalties tried, per rating of a text (mean number of ratings), the strongest first."""
MOST_IN_SPAN = 1000
"""Fitted texts up to which the matrix of their inner products costs less than it saves."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Predictions of texts by models that have not seen their prompts.

    Parameters
    ----------
    probabilities, base : ndarray, shape (texts, levels)
        P(level) by the model, and by the base rates of the same training texts.
    penalties : tuple of float
        The penalty chosen for each fold, without it.
    """

    probabilities: np.ndarray
    base: np.ndarray
    penalties: tuple[float, ...]


def folds_of(groups: np.ndarray, rng: np.random.Generator, folds: int = FOLDS) -> np.ndarray:
    """Return the fold of each text: whole groups (prompts), or single texts where there are fewer groups than folds."""
    distinct, place = np.unique(groups, return_inverse=True)
    if len(distinct) < folds:
        distinct = place = np.arange(len(groups))
    return np.asarray((rng.permutation(len(distinct)) % folds)[place])


def fit(terms: TermCounts, counts: np.ndarray, penalty: float) -> tuple[Weights, PenalisedOrdinal]:
    """Return the weights of the terms and the model of all texts, with one of `PENALTIES`, to the last digits."""
    weights = Weights.of(terms)
    model = fit_penalised(weights.features(terms), counts, penalty * _ratings(counts), tolerance=1e-13)
    return weights, model


def choose_penalty(terms: TermCounts, counts: np.ndarray, fold: np.ndarray) -> float:
    """Return the one of `PENALTIES` that predicts held-out ratings best, the strongest of equals."""
    total = np.zeros(len(PENALTIES))
    for k in np.unique(fold):
        total += _losses(_path(terms, counts, fold == k), counts[fold == k])
    return PENALTIES[int(np.argmin(total))]


def held_out(terms: TermCounts, counts: np.ndarray, fold: np.ndarray) -> HeldOut:
    """Return nested predictions: those of a fold by a penalty that was chosen without it.

    Parameters
    ----------
    terms : TermCounts
        Terms of the texts.
    counts : ndarray, shape (texts, levels)
        Ratings per text and level.
    fold : ndarray of int, shape (texts,)
        From `folds_of`; two folds or more.
    """
    parts = np.unique(fold)
    # Entry (j, k): how well fold j is predicted without j and k.
    losses = np.zeros((len(parts), len(parts), len(PENALTIES)))
    for a, b in combinations(range(len(parts)), 2):
        unseen = np.isin(fold, [parts[a], parts[b]])
        path = _path(terms, counts, unseen)
        for j, k in ((a, b), (b, a)):
            own = fold[unseen] == parts[j]
            losses[j, k] = _losses(path[:, own], counts[unseen][own])
    probabilities, base = np.zeros(counts.shape), np.zeros(counts.shape)
    chosen = []
    for k, part in enumerate(parts):
        at = int(np.argmin(losses[:, k].sum(axis=0)))
        unseen = fold == part
        probabilities[unseen] = _path(terms, counts, unseen, at + 1)[-1]
        base[unseen] = base_rates(counts[~unseen])
        chosen.append(PENALTIES[at])
    return HeldOut(probabilities, base, tuple(chosen))


def log_losses(probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the negative log-likelihood of each text's ratings, shape (texts,), in nats."""
    return np.asarray(-(counts * np.log(np.maximum(probabilities, 1e-300))).sum(axis=1))


def _path(terms: TermCounts, counts: np.ndarray, unseen: np.ndarray, most: int = len(PENALTIES)) -> np.ndarray:
    """Return P(level) of the unseen texts under the first `most` penalties, shape (penalties, unseen, levels)."""
    seen, rest = np.flatnonzero(~unseen), np.flatnonzero(unseen)
    weights = Weights.of(terms.rows(seen))
    scale = _ratings(counts[seen])
    model: PenalisedOrdinal | None = None
    found = []
    with threadpool_limits(1):  # many small products: threads that wait for each other cost more than they give
        x, new = _in_span(weights.features(terms.rows(seen)), weights.features(terms.rows(rest)))
        for penalty in PENALTIES[:most]:
            model = fit_penalised(x, counts[seen], penalty * scale, model)
            found.append(model.probabilities(new))
    return np.stack(found)


def _in_span(x: csr_matrix, new: csr_matrix) -> tuple[Features, Features]:
    """Return the features of few texts in the span of the fitted ones, where a ridge solution lies: fewer numbers.

    Inner products, and with them the fits and their predictions, stay the same.
    """
    if x.shape[0] > MOST_IN_SPAN:
        return x, new
    squares, vectors = np.linalg.eigh((x @ x.T).toarray())
    kept = squares > 1e-10 * squares[-1]
    lengths, vectors = np.sqrt(squares[kept]), vectors[:, kept]
    return vectors * lengths, np.asarray((new @ x.T) @ (vectors / lengths))


def _losses(path: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.array([log_losses(probabilities, counts).sum() for probabilities in path])


def _ratings(counts: np.ndarray) -> float:
    """Return the mean number of ratings of a text."""
    return float(counts.sum() / len(counts))
