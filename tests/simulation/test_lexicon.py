"""The bank of phrases and the truth of texts."""

from __future__ import annotations

import math
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plural_core.errors import ConfigError
from plural_core.simulation import Lexicon, lexicon_score, segment, text_strength
from plural_core.simulation.bank import LANGUAGES
from plural_core.simulation.phrases import dimensions, phrases, strengths
from plural_core.simulation.responses import text_of

INDICES = st.lists(st.integers(0, len(phrases()) - 1), min_size=1, max_size=6)
SPACES = st.sampled_from([" ", "  ", "\n", "\t ", "\u00a0", ""])


def by_id(name: str):
    return next(phrase for phrase in phrases() if phrase.id == name)


def test_bank_is_well_formed():
    assert 75 <= len(phrases()) <= 90
    for language in LANGUAGES:
        texts = [phrase.texts[language] for phrase in phrases()]
        assert len(set(texts)) == len(texts)
        for text in texts:
            assert re.fullmatch(r"[^.!?]+[.!?]", text), text
            assert text == " ".join(text.split())
            assert unicodedata.is_normalized("NFC", text)
    assert {p.texts["en"] for p in phrases()}.isdisjoint(p.texts["de"] for p in phrases())
    assert len({phrase.id for phrase in phrases()}) == len(phrases())
    assert strengths().shape == (len(phrases()), 5)
    assert np.abs(strengths()).max() <= 1.0


def test_dimensions_are_not_one_trait():
    """There are phrases that are warm and toxic, cold and harmless, helpful and stereotyping."""
    table = dict(zip(dimensions(), strengths().T, strict=True))
    toxic, warm = table["toxicity"], table["emotional_awareness"]
    assert ((toxic > 0.4) & (warm > 0.3)).sum() >= 6
    assert ((toxic < -0.2) & (warm < -0.7)).sum() >= 6
    assert ((table["helpfulness"] > 0.3) & (table["stereotypical_bias"] > 0.5)).sum() >= 5
    correlations = np.corrcoef(strengths().T)
    assert abs(correlations[0, 1]) < 0.8


@given(INDICES, st.sampled_from(LANGUAGES), SPACES)
def test_any_text_of_phrases_is_taken_apart_exactly(indices, language, space):
    text = space.join(phrases()[i].texts[language] for i in indices)
    assert segment(text, language) == indices
    assert segment(f"  {text}\n") == indices


@given(INDICES, st.sampled_from(LANGUAGES))
def test_strength_is_the_mean_over_phrases(indices, language):
    found = text_strength(text_of(indices, language), language)
    assert found.known_share == 1.0
    assert list(found.strength.values()) == pytest.approx(strengths()[indices].mean(axis=0).tolist())


def test_both_languages_have_the_same_truth():
    for index in range(len(phrases())):
        english, german = (text_strength(text_of([index], language)) for language in LANGUAGES)
        assert english == german


def test_german_letters_commas_and_tokenizer_spaces():
    text = by_id("h10").texts["de"] + " " + by_id("w02").texts["de"]
    expected = segment(text, "de")
    assert None not in expected
    assert segment(unicodedata.normalize("NFD", text), "de") == expected
    assert segment(text.replace(",", " ,").replace(".", " ."), "de") == expected
    assert segment(text.replace(" ", "\n\n"), "de") == expected


def test_a_language_knows_only_its_own_phrases():
    assert text_strength(by_id("w01").texts["de"], "en").known_share == 0.0
    assert text_strength(by_id("w01").texts["de"], "de").known_share == 1.0


def test_unknown_sentences_count():
    known = by_id("w01").texts["en"]
    found = text_strength(f"{known} The moon is made of cheese. {known}")
    assert found.known_share == pytest.approx(2 / 3)
    assert found.strength["emotional_awareness"] == pytest.approx(0.9)
    assert text_strength(f"{known} I can hear how").known_share == 0.5
    assert text_strength(known.removesuffix(".")).known_share == 0.0


@pytest.mark.parametrize("text", ["", "  \n", "hello"])
def test_a_text_without_phrases_has_no_strength(text):
    found = text_strength(text)
    assert found.known_share == 0.0
    assert all(math.isnan(value) for value in found.strength.values())
    assert math.isnan(lexicon_score(text, "toxicity"))


@given(st.text(max_size=200))
def test_no_text_breaks_it(text):
    assert 0.0 <= text_strength(text).known_share <= 1.0


def test_score_orders_texts_and_stays_in_range():
    hostile, warm = by_id("h02").texts["en"], by_id("w05").texts["en"]
    assert 0.0 <= lexicon_score(warm, "toxicity") < 0.25
    assert 0.8 < lexicon_score(hostile, "toxicity") <= 1.0
    assert lexicon_score(warm, "emotional_awareness") > 0.7 > 0.2 > lexicon_score(hostile, "emotional_awareness")
    assert lexicon_score(warm, "toxicity") == lexicon_score(by_id("w05").texts["de"], "toxicity")


def test_score_is_the_expected_rating(make_config):
    """Against the definition, written out for one text."""
    config = make_config(world="null", gains={"toxicity": 2.0}, thresholds={"toxicity": [-1.0, 0.0, 1.0, 2.0]})
    lexicon = Lexicon.of(config)
    part = lexicon.world.dimensions["toxicity"]
    eta = 2.0 * (0.9 - part.centre)
    below = [1 / (1 + math.exp(-(t - eta))) for t in (-1.0, 0.0, 1.0, 2.0)]
    chances = np.diff([0.0, *below, 1.0])
    expected = (float(np.dot(chances, [1, 2, 3, 4, 5])) - 1) / 4
    assert lexicon.score(by_id("h02").texts["en"], "toxicity") == pytest.approx(expected, abs=1e-12)


def test_score_follows_the_average_rater(make_config):
    text = by_id("n03").texts["en"]
    shifted = lexicon_score(text, "toxicity", make_config(world="null", shifts={"toxicity": {"gender:male": 2.0}}))
    assert shifted > lexicon_score(text, "toxicity", make_config(world="null"))


def test_unknown_dimension_or_language():
    with pytest.raises(ConfigError, match="Did you mean 'toxicity'"):
        lexicon_score("x", "toxcity")
    with pytest.raises(ConfigError, match="unknown language 'fr'"):
        text_strength("x", "fr")
