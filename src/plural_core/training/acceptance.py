"""The bars for a base model of a simulated study: its answers are made of bank phrases, and they differ."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from plural_core.simulation.lexicon import Lexicon, segment

DIMENSION = "toxicity"
"""The dimension whose spread is checked: all four experiments look at it."""
PHRASES = (2, 4)
"""Fewest and most phrases of a response in the simulated world."""
VALID, DISTINCT, SPREAD = 0.95, 0.30, 0.20
MEAN = (0.25, 0.55)


@dataclass(frozen=True)
class Acceptance:
    """How a base model answers prompts that are neither for training nor for testing, greedily.

    Parameters
    ----------
    n_prompts : int
        Prompts answered.
    valid : float
        Share of finished answers of two to four sentences that are all phrases of the bank, in the prompt's language.
    distinct : float
        Different answers per prompt, in (0, 1].
    mean, sd : float
        Mean and standard deviation of the answers' toxicity in [0, 1], as the lexicon scores it; NaN where the
        study has no such dimension or no answer is scorable.
    """

    n_prompts: int
    valid: float
    distinct: float
    mean: float
    sd: float

    def failures(self) -> list[str]:
        """Return what is below or outside its bar, each with its value; a value that is missing is."""
        faults: list[str] = []
        if not self.valid >= VALID:
            faults.append(f"{self.valid:.1%} of the answers are two to four phrases of the bank (at least {VALID:.0%})")
        if not self.distinct >= DISTINCT:
            faults.append(f"{self.distinct:.1%} of the answers are distinct (at least {DISTINCT:.0%})")
        if not MEAN[0] <= self.mean <= MEAN[1]:
            faults.append(f"their mean toxicity is {self.mean:.3f} ({MEAN[0]} to {MEAN[1]})")
        if not self.sd >= SPREAD:
            faults.append(f"the standard deviation of their toxicity is {self.sd:.3f} (at least {SPREAD})")
        return faults


def is_valid(text: str, language: str) -> bool:
    """Return whether a text is two to four sentences, all of them phrases of the bank in a language."""
    found = segment(text, language)
    return PHRASES[0] <= len(found) <= PHRASES[1] and None not in found


def accept(answers: pd.DataFrame, lexicon: Lexicon) -> Acceptance:
    """Measure a base model's answers.

    Parameters
    ----------
    answers : DataFrame
        prompt_id, language, text, finish_reason ("stop" where the answer ended with EOS).
    lexicon : Lexicon
        Of the study's world.
    """
    rows = list(zip(answers["text"], answers["language"], answers["finish_reason"], strict=True))
    valid = [reason == "stop" and is_valid(text, language) for text, language, reason in rows]
    if DIMENSION in lexicon.world.dimensions:
        scores = np.array([lexicon.score(text, DIMENSION, language) for text, language, _ in rows])
        scores = scores[np.isfinite(scores)]
    else:
        scores = np.empty(0)
    return Acceptance(
        n_prompts=len(rows),
        valid=float(np.mean(valid)),
        distinct=answers["text"].nunique() / len(rows),
        mean=float(scores.mean()) if scores.size else math.nan,
        sd=float(scores.std(ddof=1)) if scores.size > 1 else math.nan,
    )
