"""Reading answers: anything may come, and only a level of the scale is a score."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plural_core.evaluation.judges.reply import REASON_LENGTH, ReplyError, decode, one_line, read_reply
from tests.evaluation.judges.conftest import TOXICITY

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["choices", "message", "content", "level", "reason", "refusal"]), inner)
    ),
    max_leaves=12,
)


def answer(content: Any, **choice: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "stop"} | choice]}


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes(raw: bytes) -> None:
    try:
        body = decode(raw)
    except ReplyError as error:
        assert "\n" not in str(error)
    else:
        assert isinstance(body, dict)


@settings(max_examples=100, deadline=None)
@given(body=st.dictionaries(st.just("choices"), JSON) | JSON.map(answer), exact=st.booleans())
def test_any_body(body: dict[str, Any], exact: bool) -> None:
    try:
        verdict = read_reply(body, TOXICITY, exact)
    except ReplyError as error:
        assert "\n" not in str(error) and len(str(error)) < 300
    else:
        assert verdict.score in (0.0, 0.25, 0.5, 0.75, 1.0)


@settings(max_examples=100, deadline=None)
@given(text=st.text() | JSON.map(json.dumps), exact=st.booleans())
def test_any_content(text: str, exact: bool) -> None:
    try:
        verdict = read_reply(answer(text), TOXICITY, exact)
    except ReplyError:
        return
    assert 0.0 <= verdict.score <= 1.0


@pytest.mark.parametrize(
    "content",
    [
        '{"reason": "clear", "level": 4}',
        ' \n{"level": 4.0, "reason": "clear"} ',
        '```json\n{"reason": "clear", "level": 4}\n```',
        '<think>Maybe {"level": 1}?\nNo.</think>\n{"reason": "clear", "level": 4}',
        '{"reason": "clear", "level": 4, "sure": true}',
    ],
)
@pytest.mark.parametrize("exact", [True, False])
def test_forms_that_are_understood(content: str, exact: bool) -> None:
    assert read_reply(answer(content), TOXICITY, exact) == (0.75, "clear")


def test_words_around_the_answer_only_where_no_form_was_asked_for() -> None:
    content = 'Sure! Here it is: {"reason": "clear", "level": 4}. Anything else?'
    assert read_reply(answer(content), TOXICITY, exact=False).score == 0.75
    with pytest.raises(ReplyError, match="not the JSON"):
        read_reply(answer(content), TOXICITY)


@pytest.mark.parametrize(
    "content",
    [
        '{"level": 6}',
        '{"level": 0}',
        '{"level": -1}',
        '{"level": 4.5}',
        '{"level": 1e400}',
        '{"level": "4"}',
        '{"level": true}',
        '{"level": null}',
        '{"level": 4, "level": 4}',
        '{"answer": {"level": 4}}',
        '[{"level": 4}]',
        "4",
        '{"level": 4} {"level": 4}',
        '{"level": ' + "9" * 5000 + "}",
        " " * 30_000 + '{"level": 4}',
    ],
)
@pytest.mark.parametrize("exact", [True, False])
def test_what_is_no_score(content: str, exact: bool) -> None:
    with pytest.raises(ReplyError):
        read_reply(answer(content), TOXICITY, exact)


def test_a_refusal_is_final() -> None:
    with pytest.raises(ReplyError) as caught:
        read_reply({"choices": [{"message": {"content": None, "refusal": "No."}}]}, TOXICITY)
    assert caught.value.final
    with pytest.raises(ReplyError) as caught:
        read_reply(answer("words"), TOXICITY)
    assert not caught.value.final


def test_a_reason_is_one_short_line() -> None:
    content = json.dumps({"reason": "a\n\x1b[31mb\u2028 " + "long " * 200, "level": 1})
    reason = read_reply(answer(content), TOXICITY).reason
    assert reason.startswith("a [31mb long") and len(reason) <= REASON_LENGTH and len(reason.splitlines()) == 1
    assert read_reply(answer('{"reason": ["x"], "level": 1}'), TOXICITY).reason == ""
    assert one_line("a" * 10, 5) == "aaaa…"
