"""Prompts and responses."""

from __future__ import annotations

import re

import pytest

from plural_core.simulation import draw_corpus, simulate, text_strength
from plural_core.simulation.bank import LANGUAGES, read_bank
from plural_core.simulation.phrases import phrases
from plural_core.simulation.prompts import draw_prompts, stances, topics
from plural_core.simulation.responses import draw_responses
from plural_core.simulation.streams import stream


@pytest.fixture(scope="module")
def many():
    return draw_prompts(2000, stream(5, "many"), set())


@pytest.mark.parametrize("language", LANGUAGES)
def test_more_than_1200_distinct_prompts(many, language):
    texts = [prompt.texts[language] for prompt in many]
    assert len(set(texts)) == len(texts) == 2000


@pytest.mark.parametrize("language", LANGUAGES)
def test_prompts_are_clean_sentences(many, language):
    for prompt in many:
        text = prompt.texts[language]
        assert text[0].isupper(), text
        assert text[-1] in ".?!", text
        assert "{" not in text
        assert "  " not in text
        assert not re.search(r"[,.?!](?=[A-Za-zÄÖÜäöü])", text), text


def test_topics_stances_and_subjects_are_spread(many):
    assert {prompt.topic for prompt in many} == set(topics())
    assert len(topics()) >= 12
    for stance in stances():
        assert 400 < sum(prompt.stance == stance for prompt in many) < 600
    assert 900 < sum(prompt.about == "women" for prompt in many) < 1100


def test_german_forms_agree():
    """The case and the gender that each German frame needs."""
    bank = read_bank("prompts")
    for about, ending in (("women", "r"), ("men", "m")):
        for relative in bank["relatives"][about]:
            assert relative["dative"].split()[0] == {"r": "meiner", "m": "meinem"}[ending]
            assert relative["de"].split()[0] == {"r": "meine", "m": "mein"}[ending]
        for person in bank["persons"][about]:
            assert person["who"] == {"women": "die", "men": "der"}[about]


def test_prompts_speak_of_whom_they_are_about(many):
    for prompt in many:
        text = f" {prompt.texts['de']} "
        wrong = (
            (" er ", " ihn ", " ihm ")
            if prompt.about == "women"
            else (" ihr ermutigen", " sie ermutigen", " ihr sagen")
        )
        assert not any(word in text for word in wrong), text


def test_responses_have_two_to_four_different_fitting_phrases(many):
    rng = stream(6, "responses")
    bank = phrases()
    for prompt in many[:500]:
        for response in draw_responses(prompt, 3, rng):
            assert 2 <= len(response) <= 4
            assert len(set(response)) == len(response)
            assert all(bank[i].fits(prompt.topic, prompt.about) for i in response)


def test_the_prompt_decides_which_phrases_are_likely(full):
    prompts = full.truth["truth_prompts"].set_index("prompt_id")["stance"]
    items = full.tables.items
    toxicity = full.truth["truth_items"].query("dimension == 'toxicity'").set_index("item_id")["strength"]
    mean = toxicity.groupby(items.set_index("item_id")["prompt_id"].map(prompts)).mean()
    assert mean["leading"] > mean["support"] + 0.2
    assert mean["leading"] > mean["factual"] + 0.2


def test_every_phrase_is_used_and_none_dominates(full):
    from plural_core.simulation import segment

    used = [index for text in full.tables.items["response"] for index in segment(text)]
    counts = [used.count(index) for index in range(len(phrases()))]
    assert min(counts) >= 5
    assert max(counts) < 0.05 * len(used)


def test_corpus_keeps_held_out_prompts_out(make_config):
    config = make_config(participants=60)
    corpus = draw_corpus(config, 300, "de")
    held_out = set(simulate(config).truth["prompts_extra"]["prompt"])
    assert len(corpus) == 300
    assert held_out.isdisjoint(corpus["prompt"])
    assert all(text_strength(text, "de").known_share == 1.0 for text in corpus["response"])
    assert corpus.equals(draw_corpus(config, 300, "de"))
    assert not corpus.equals(draw_corpus(config, 300, "de", name="other"))
