"""Unscorable texts: what is empty or looping is found, what people and the phrase bank write is not."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from plural_core.evaluation.judges.base import UNSCORABLE
from plural_core.evaluation.unscorable import (
    EMPTY,
    LOOPING,
    REASONS,
    UNKNOWN,
    is_looping,
    unscorable,
    unscorable_reason,
)
from plural_core.simulation.material import draw_corpus
from plural_core.simulation.phrases import phrases
from plural_core.study import StudyConfig

ROOT = Path(__file__).resolve().parents[2]
COMMENTS = ROOT / "data" / "raw" / "popquorn" / "raw_data.csv"
SIMULATED = StudyConfig.model_validate({"study": "s"})
PROSE = (
    "I understand that this is a hard question for you, and I do not think that there is one right answer to it. "
    "Some people in your place talk to a friend first; others write down what they want before they say anything. "
    "Whatever you choose, give yourself some time, and do not let anyone tell you that it does not matter."
)


@pytest.mark.parametrize("text", ["", "   \n", "...", "!!!!!!!!!!!!!!!!!!!!", '""', "-", "\u200b"])
def test_empty(text: str) -> None:
    assert unscorable(text) == EMPTY


@pytest.mark.parametrize(
    "text", ["Yes.", "42", "👍", "Nein!", "好", "no no no", "No. No. No!", "ha ha ha ha ha", PROSE]
)
def test_short_and_ordinary_texts_are_scorable(text: str) -> None:
    assert unscorable(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "That is a fair question. " * 3,
        "That is a fair question. " * 30,
        "that is a fair question, That is a FAIR question! That is a fair question",
        "very " * 40,
        "a" * 300,
        "haha" * 40,
        "you are " * 20,
        PROSE + " And so on and so forth." * 30,
        "".join(f"{i}. I would tell them how I feel about it. " for i in range(12)),
        "我喜欢这个。" * 10,
        "I do. " + "Nobody should be ashamed of it. " * 4 + "Perhaps.",
    ],
)
def test_looping(text: str) -> None:
    assert unscorable(text) == LOOPING


@pytest.mark.parametrize("period", [1, 2, 3, 5, 8, 13, 21])
@pytest.mark.parametrize("start", [0, 20])
def test_a_text_that_ends_in_a_loop_of_any_length(period: int, start: int) -> None:
    loop = [f"word{i}" for i in range(period)]
    words = PROSE.split()[:start] + loop * (2 * max(start, 12) // period + 3)
    assert is_looping(" ".join(words))


def test_one_long_phrase_again_and_again_is_a_loop_whatever_else_there_is() -> None:
    phrase = "this is what I would say to them first"
    filler = [f"word{i}" for i in range(400)]
    parts = [phrase + " " + " ".join(filler[20 * k : 20 * k + 20]) for k in range(6)]
    assert is_looping(" ".join(parts))
    assert not is_looping(" ".join(parts[:5]))


@pytest.mark.parametrize("language", ["en", "de"])
def test_twice_the_same_phrase_is_no_loop_and_three_times_is(language: str) -> None:
    for phrase in phrases():
        text = phrase.texts[language]
        assert unscorable(f"{text} {text}", language, True) == ""
        assert unscorable(f"{text} {text} {text}", language, True) == LOOPING


@pytest.mark.parametrize("language", ["en", "de"])
def test_responses_of_the_simulated_world_are_scorable(language: str) -> None:
    texts = draw_corpus(SIMULATED, 400, language, "unscorable")["response"]
    assert {unscorable_reason(text, language, SIMULATED) for text in texts} == {""}


def test_comments_of_people_are_scorable() -> None:
    if not COMMENTS.is_file():
        pytest.skip("POPQUORN is not downloaded")
    with COMMENTS.open(encoding="utf-8", newline="") as file:
        texts = {row["text"] for row in csv.DictReader(file)}
    assert len(texts) > 1000
    assert [text for text in texts if unscorable(text)] == []


def test_prose_of_this_project_is_scorable() -> None:
    paragraphs = [
        part
        for path in sorted((ROOT / "docs").glob("*.md"))
        for part in re.split(r"\n\s*\n", path.read_text(encoding="utf-8"))
        if not part.lstrip().startswith(("|", "```", "#"))
    ]
    assert len(paragraphs) > 100
    assert [part for part in paragraphs if is_looping(part)] == []


def test_random_words_are_no_loop() -> None:
    rng = np.random.default_rng(1)
    for n in (5, 50, 500):
        assert not is_looping(" ".join(f"w{i}" for i in rng.integers(0, 200, n)))


def test_known_phrases_count_in_simulated_studies_only() -> None:
    known = [phrase.texts["en"] for phrase in phrases()[:8]]
    assert unscorable(" ".join(known[:4]) + " Nobody knows this.", "en", True) == ""  # 4 of 5
    assert unscorable(" ".join(known[:3]) + " Nobody knows this.", "en", True) == UNKNOWN
    assert unscorable(" ".join(known[:3]) + " Nobody knows this.", "en") == ""
    real = StudyConfig.model_validate(
        {
            "study": "real",
            "data": {"adapter": "table", "path": "x.csv"},
            "dimensions": {"toxicity": {"label": "Toxicity"}},
            "factors": {},
        }
    )
    assert unscorable_reason("Nobody knows this.", "en", SIMULATED) == UNKNOWN
    assert unscorable_reason("Nobody knows this.", "en", real) == ""


def test_phrases_count_in_the_language_of_the_answer() -> None:
    german = phrases()[0].texts["de"]
    assert unscorable(german, "de", True) == ""
    assert unscorable(german, "en", True) == UNKNOWN
    assert unscorable(german, "", True) == ""
    assert unscorable(german, "fr", True) == ""


def test_reasons_can_follow_the_prefix_of_verdicts() -> None:
    assert all((UNSCORABLE + reason).strip() == UNSCORABLE + reason for reason in REASONS)
