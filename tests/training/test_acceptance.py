"""The bars for base models of simulated studies."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from plural_core.simulation.lexicon import Lexicon
from plural_core.simulation.phrases import phrases
from plural_core.study import StudyConfig
from plural_core.training.acceptance import Acceptance, accept, is_valid

GOOD = Acceptance(n_prompts=400, valid=0.97, distinct=0.4, mean=0.45, sd=0.25)
EN = [phrase.texts["en"] for phrase in phrases()]
DE = [phrase.texts["de"] for phrase in phrases()]


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.of(StudyConfig.model_validate({"study": "default"}))


@pytest.mark.parametrize(
    ("text", "language", "valid"),
    [
        (" ".join(EN[:2]), "en", True),
        (" ".join(DE[3:7]), "de", True),
        ("  ".join(EN[:3]) + "\n", "en", True),
        (EN[0], "en", False),
        (" ".join(EN[:5]), "en", False),
        (f"{EN[0]} And so on.", "en", False),
        (f"{EN[0]} {EN[1][:-1]}", "en", False),
        (" ".join(EN[:2]), "de", False),
        ("", "en", False),
    ],
)
def test_valid_is_two_to_four_phrases_of_the_language(text: str, language: str, valid: bool) -> None:
    assert is_valid(text, language) == valid


def test_figures_are_those_of_the_answers(lexicon: Lexicon) -> None:
    texts = [" ".join(EN[:2]), " ".join(EN[:2]), " ".join(DE[4:7]), "Nothing known."]
    answers = pd.DataFrame(
        {
            "prompt_id": list("abcd"),
            "language": ["en", "en", "de", "en"],
            "text": texts,
            "finish_reason": ["stop", "length", "stop", "stop"],
        }
    )
    found = accept(answers, lexicon)
    scores = [lexicon.score(texts[n], "toxicity") for n in (0, 1, 2)]
    assert (found.n_prompts, found.valid, found.distinct) == (4, 0.5, 0.75)
    assert found.mean == pytest.approx(np.mean(scores))
    assert found.sd == pytest.approx(np.std(scores, ddof=1))


def test_nothing_scorable_is_missing_and_fails(lexicon: Lexicon) -> None:
    answers = pd.DataFrame({"prompt_id": ["a"], "language": ["en"], "text": ["?"], "finish_reason": ["stop"]})
    found = accept(answers, lexicon)
    assert math.isnan(found.mean)
    assert math.isnan(found.sd)
    assert len(found.failures()) == 3


def test_a_model_on_the_bars_passes() -> None:
    assert GOOD.failures() == []
    assert Acceptance(400, 0.95, 0.30, 0.25, 0.20).failures() == []
    assert Acceptance(400, 1.0, 1.0, 0.55, 0.5).failures() == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"valid": 0.949}, "94.9% of the answers are two to four phrases of the bank (at least 95%)"),
        ({"distinct": 0.005}, "0.5% of the answers are distinct (at least 30%)"),
        ({"mean": 0.249}, "their mean toxicity is 0.249 (0.25 to 0.55)"),
        ({"mean": 0.551}, "their mean toxicity is 0.551 (0.25 to 0.55)"),
        ({"sd": 0.19}, "the standard deviation of their toxicity is 0.190 (at least 0.2)"),
        ({"sd": float("nan")}, "the standard deviation of their toxicity is nan (at least 0.2)"),
    ],
)
def test_each_bar_is_named_with_its_value(change: dict[str, float], named: str) -> None:
    assert replace(GOOD, **change).failures() == [named]
