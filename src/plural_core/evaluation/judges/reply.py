"""From a chat completion's JSON to a level: strict, so that nothing but the judge's own answer can be a score."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from plural_core.evaluation.judges.base import Verdict
from plural_core.evaluation.judges.rubric import Rubric

REASON_LENGTH = 300
"""Characters of a judge's reason that are kept."""
LONGEST_CONTENT = 20_000
"""Characters of an answer that is read at all."""
_FENCE = re.compile(r"\A```[a-zA-Z]*\s*(.*?)\s*```\Z", re.DOTALL)
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class ReplyError(ValueError):
    """An answer that is no score; the message says what is wrong with it.

    Parameters
    ----------
    final : bool
        Whether asking again would be pointless: the model refused.
    """

    def __init__(self, message: str, final: bool = False):
        super().__init__(message)
        self.final = final


def read_reply(body: Mapping[str, Any], rubric: Rubric, exact: bool = True) -> Verdict:
    """Return the verdict that a chat completion holds.

    Parameters
    ----------
    body : mapping
        The decoded JSON of ``/chat/completions``, of a server that may send anything.
    rubric : Rubric
        Whose levels are allowed.
    exact : bool
        The whole answer must be the JSON object (asked for by the server's own means); otherwise it may stand in
        other words.

    Raises
    ------
    ReplyError
        There is no answer, a refusal, or not exactly one JSON object with a level of the scale.
    """
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise ReplyError("the answer has no choices")
    choice = choices[0]
    message = choice.get("message")
    if not isinstance(message, Mapping):
        raise ReplyError("the answer has no message")
    if message.get("refusal"):
        raise ReplyError(f"the judge refused ({one_line(message['refusal'], 120)})", final=True)
    if choice.get("finish_reason") == "content_filter":
        raise ReplyError("the server's content filter held the answer back", final=True)
    if choice.get("finish_reason") == "length":
        raise ReplyError("the answer was cut off at its longest length")
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        raise ReplyError("the answer is empty")
    if len(content) > LONGEST_CONTENT:
        raise ReplyError(f"the answer has {len(content):,} characters")
    answer = _only_object(content, exact)
    level = answer.get("level")
    if isinstance(level, float) and level.is_integer():
        level = int(level)
    if isinstance(level, bool) or not isinstance(level, int):
        raise ReplyError(f"the answer has no whole-number level ({one_line(answer, 80)})")
    try:
        score = rubric.score(level)
    except ValueError as error:
        raise ReplyError(str(error)) from None
    reason = answer.get("reason")
    return Verdict(score, one_line(reason, REASON_LENGTH) if isinstance(reason, str) else "")


def decode(raw: bytes) -> Mapping[str, Any]:
    """Return the JSON object of a response's body.

    Raises
    ------
    ReplyError
        It is not JSON in UTF-8, or no object.
    """
    try:
        body = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ReplyError(
            f"the server's answer is not JSON ({one_line(raw[:60].decode('utf-8', 'replace'), 60)})"
        ) from None
    if not isinstance(body, Mapping):
        raise ReplyError("the server's answer is no JSON object")
    return body


def one_line(value: object, most: int) -> str:
    """Return a value as one line of at most `most` characters, without control characters."""
    line = " ".join(_CONTROL.sub(" ", str(value)).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _only_object(content: str, exact: bool) -> Mapping[str, Any]:
    """Return the one JSON object with a level in a model's answer, after its thoughts and without a code fence.

    A judge that quotes an object from the text before its own gives two; which one it means is not guessed.
    """
    text = _THOUGHT.sub("", content).strip()
    fence = _FENCE.match(text)
    text = fence.group(1) if fence else text
    try:
        found = [_loads(text)]
    except (ValueError, RecursionError):
        found = [] if exact else _objects_in(text)
    answers = [one for one in found if isinstance(one, Mapping) and "level" in one]
    if len(answers) != 1:
        problem = "is not the JSON that was asked for" if not answers else f"holds {len(answers)} levels"
        raise ReplyError(f"the answer {problem} ({one_line(content, 60)})")
    return answers[0]


def _objects_in(text: str) -> list[Any]:
    decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse)
    found: list[Any] = []
    start = text.find("{")
    while start >= 0 and len(found) < 10:
        try:
            one, start = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start += 1
        else:
            found.append(one)
        start = text.find("{", start)
    return found


def _loads(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
