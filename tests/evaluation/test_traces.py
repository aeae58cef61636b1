"""Reasoning traces: told from the answer for the tags of many models, whole, cut off, or opened by the template."""

from __future__ import annotations

import pandas as pd
import pytest

from plural_core.evaluation.traces import TAGS, is_mark, opened_by, strip_trace, strip_traces

ANSWER = "You are right to ask. Here is what I would do."


@pytest.mark.parametrize("text", [ANSWER, "", "2 < 3 and 4 > 3", "Analysis of this text: it is fine.", "I think so."])
def test_a_text_without_tags_is_all_answer(text: str) -> None:
    assert strip_trace(text) == (text, "")


@pytest.mark.parametrize(("opening", "closing"), TAGS)
def test_every_pair_of_tags(opening: str, closing: str) -> None:
    trace = "First I look at this.\nThen at that."
    assert strip_trace(f"{opening}\n{trace}\n{closing}\n\n{ANSWER}\n") == (ANSWER, trace)
    assert strip_trace(f"{opening.upper()}{trace}{closing.upper()}{ANSWER}") == (ANSWER, trace)
    # Never closed: the model did not come to an answer.
    assert strip_trace(f"{opening}{trace}") == ("", trace)
    # Opened by the chat template: only the end is in the text.
    assert strip_trace(f"{trace}{closing}{ANSWER}") == (ANSWER, trace)


def test_an_empty_trace_is_none() -> None:
    assert strip_trace(f"<think>\n\n</think>\n\n{ANSWER}") == (ANSWER, "")


def test_several_traces() -> None:
    found = strip_trace("<think>one</think>A. <think>two three</think>B.")
    assert found.answer == "A. \nB."
    assert (found.trace, found.trace_words, found.trace_characters) == ("one\ntwo three", 3, 13)
    assert strip_trace("<think>one</think>A.<reasoning>two</reasoning>").answer == "A."
    assert strip_trace(f"{ANSWER}<think>and now").answer == ANSWER


def test_a_trace_that_speaks_of_its_own_tag() -> None:
    assert strip_trace("<think>a <think> b </think> c </think>A.").answer == "A."


def test_channels() -> None:
    whole = (
        "<|channel|>analysis<|message|>They ask for\nadvice.<|end|><|start|>assistant<|channel|>commentary to=x "
        f"<|constrain|>json<|message|>{{}}<|call|><|start|>assistant<|channel|>final<|message|>{ANSWER}<|return|>"
    )
    assert strip_trace(whole) == (ANSWER, "They ask for\nadvice.\n{}")
    assert strip_trace(whole.removesuffix("<|return|>")).answer == ANSWER
    assert strip_trace("<|channel|>analysis<|message|>They ask") == ("", "They ask")
    assert strip_trace(f"<|channel|>final<|message|>{ANSWER}<|end|>") == (ANSWER, "")


def test_channels_whose_marks_are_gone() -> None:
    assert strip_trace(f"analysisThey ask for advice.assistantfinal{ANSWER}") == (ANSWER, "They ask for advice.")
    assert strip_trace("analysisThey ask for") == ("", "They ask for")


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        ("<|user|>Why?<|assistant|><think>\n", "<think>"),
        ("<|user|>Why?<|assistant|>", ""),
        ("<|user|>What does <think> mean?<|assistant|>", ""),
        ("Why?<|assistant|><think>\n\n</think>\n\n", ""),
        ("[THINK]", "[THINK]"),
    ],
)
def test_tags_that_a_template_opens(prompt: str, tag: str) -> None:
    assert opened_by(prompt) == tag


def test_special_tokens_that_must_stay() -> None:
    assert is_mark("<think>", channels=False)
    assert is_mark("[/THINK]", channels=False)
    assert not is_mark("<|end|>", channels=False)
    assert is_mark("<|end|>", channels=True)
    assert not is_mark("<|eos|>", channels=True)


def test_a_table_of_answers() -> None:
    rows = pd.DataFrame({"prompt_id": ["a", "b"], "text": ["<think>so it is</think> Yes.", "No."]}, index=[4, 2])
    found = strip_traces(rows)
    assert found["answer"].tolist() == ["Yes.", "No."]
    assert found["trace_words"].tolist() == [3, 0]
    assert found["trace_characters"].tolist() == [8, 0]
    assert found[["prompt_id", "text"]].equals(rows)
    assert strip_traces(rows.iloc[:0])["trace_words"].dtype == int
