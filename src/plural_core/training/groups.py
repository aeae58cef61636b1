"""Preference pairs as DPO sees them: every response once, pairs between responses, weights and shares, the loss."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from plural_core.preferences.build import COUNTERPART
from plural_core.training.sequences import TokenSequence
from plural_core.training.trained import TrainingError

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)
Text = tuple[str, str]
"""A prompt and a response."""


@dataclass(frozen=True, eq=False)
class PairSet:
    """The merged pairs of one condition.

    Parameters
    ----------
    sequences : tuple of TokenSequence
        Every response once, those to one prompt side by side.
    first, second : ndarray of int, shape (pairs,)
        Index of the chosen and of the rejected response.
    weight : ndarray, shape (pairs,)
        Comparisons behind the pair, scaled to mean 1.
    share : ndarray, shape (pairs,)
        Share of these that prefer the first, in [0, 1].
    group : ndarray of int, shape (pairs,)
        Number of the pair's prompt, never falling.
    """

    sequences: tuple[TokenSequence, ...]
    first: np.ndarray
    second: np.ndarray
    weight: np.ndarray
    share: np.ndarray
    group: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    def members(self, pairs: np.ndarray) -> np.ndarray:
        """Return the responses of some pairs, each once, in rising order."""
        return np.unique(np.concatenate([self.first[pairs], self.second[pairs]]))

    def n_tokens(self, pairs: np.ndarray) -> int:
        """Return the tokens of the responses of some pairs, each with its prompt."""
        return sum(len(self.sequences[i]) for i in self.members(pairs))


def pair_texts(
    pairs: pd.DataFrame, texts: pd.DataFrame, counterparts: Mapping[str, str] | None = None
) -> tuple[list[Text], list[Text]]:
    """Return the chosen and the rejected text of every pair, each with its prompt.

    Parameters
    ----------
    pairs : DataFrame
        prompt_id, chosen_item, rejected_item; of one or of several conditions.
    texts : DataFrame
        item_id, prompt_id, prompt, response.
    counterparts : mapping of str to str, optional
        prompt_id to the text that stands for ``@counterpart``: the base model's own answer.

    Raises
    ------
    TrainingError
        An item has no text, or a counterpart is missing.
    """
    known: dict[str, Text] = dict(
        zip(texts["item_id"], zip(texts["prompt"], texts["response"], strict=True), strict=True)
    )
    prompts = dict(zip(texts["prompt_id"], texts["prompt"], strict=True))
    answers = counterparts or {}

    def text(prompt_id: str, item: str) -> Text:
        if item != COUNTERPART:
            if item not in known:
                raise TrainingError(f"pairs: item '{item}' has no text; build pairs and texts from the same items")
            return known[item]
        if prompt_id not in answers or prompt_id not in prompts:
            raise TrainingError(
                f"pairs: prompt '{prompt_id}' has no counterpart; let the base model answer it first (counterparts)"
            )
        return prompts[prompt_id], answers[prompt_id]

    ids = pairs["prompt_id"]
    return (
        [text(p, item) for p, item in zip(ids, pairs["chosen_item"], strict=True)],
        [text(p, item) for p, item in zip(ids, pairs["rejected_item"], strict=True)],
    )


def pair_set(
    pairs: pd.DataFrame,
    texts: pd.DataFrame,
    encoded: Mapping[Text, TokenSequence],
    counterparts: Mapping[str, str] | None = None,
) -> PairSet:
    """Turn the pairs of one condition into a set that refers to every response once.

    Parameters
    ----------
    pairs : DataFrame
        Pairs of one condition: prompt_id, chosen_item, rejected_item, weight, share.
    texts : DataFrame
        item_id, prompt_id, prompt, response.
    encoded : mapping of (prompt, response) to TokenSequence
        Tokens of every text, from `reference.Reference`.
    counterparts : mapping of str to str, optional
        prompt_id to the base model's own answer.

    Raises
    ------
    TrainingError
        No pairs, a text that is missing, or one that has not been scored under the base model.
    """
    if pairs.empty:
        raise TrainingError("there are no pairs to train on")
    pairs = _with_counterparts(pairs, counterparts).sort_values("prompt_id", kind="stable", ignore_index=True)
    chosen, rejected = pair_texts(pairs, texts, counterparts)
    index: dict[Text, int] = {}
    for a, b in zip(chosen, rejected, strict=True):
        index.setdefault(a, len(index))
        index.setdefault(b, len(index))
    missing = [text for text in index if text not in encoded]
    if missing:
        raise TrainingError(
            f"{len(missing)} responses have no reference log-probability, the first to '{missing[0][0]}'; "
            "compute the reference for all pairs first"
        )
    return PairSet(
        sequences=tuple(encoded[text] for text in index),
        first=np.array([index[text] for text in chosen]),
        second=np.array([index[text] for text in rejected]),
        weight=pairs["weight"].to_numpy(float),
        share=pairs["share"].to_numpy(float),
        group=pd.factorize(pairs["prompt_id"])[0],
    )


def _with_counterparts(pairs: pd.DataFrame, counterparts: Mapping[str, str] | None) -> pd.DataFrame:
    """Leave out anchored pairs of prompts to which the base model has nothing to say, and say how many."""
    if counterparts is None:
        return pairs
    anchored = (pairs[["chosen_item", "rejected_item"]] == COUNTERPART).any(axis=1)
    silent = anchored & ~pairs["prompt_id"].isin(list(counterparts))
    if silent.all():
        raise TrainingError("the base model answers none of the prompts, so there is nothing to compare with")
    if silent.any():
        logger.warning(
            "%d of %d pairs are left out: the base model answers their prompts with nothing",
            int(silent.sum()),
            len(pairs),
        )
    kept = pairs[~silent]
    return kept.assign(weight=kept["weight"] / kept["weight"].mean())


def pair_losses(z: torch.Tensor, weight: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Return w [p l(z) + (1 - p) l(-z)] of every pair, l = -log sigmoid.

    It is the loss of all comparisons behind a merged pair, divided by the mean number of comparisons per pair: the
    mean over pairs equals the mean over comparisons of the DPO loss (Rafailov et al., 2023, equation 7).

    Parameters
    ----------
    z : Tensor, shape (pairs,)
        beta times (log-ratio of the first to the reference, minus that of the second).
    weight : Tensor, shape (pairs,)
        Comparisons, scaled to mean 1.
    share : Tensor, shape (pairs,)
        Share that prefers the first.
    """
    from torch.nn.functional import softplus

    return weight * (share * softplus(-z) + (1.0 - share) * softplus(z))


def order_accuracy(z: torch.Tensor, weight: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Return, of every pair, the weighted share of its comparisons that the sign of `z` gets right; a tie is half."""
    right = (z > 0).to(z.dtype) + 0.5 * (z == 0).to(z.dtype)
    return weight * (share * right + (1.0 - share) * (1.0 - right))
