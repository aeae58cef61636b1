"""Reasoning traces: what a model writes before its answer, told apart from the answer by the tags around it."""

from __future__ import annotations

import re
from typing import NamedTuple

import pandas as pd

TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("<|thinking|>", "<|/thinking|>"),
    ("<|thinking|>", "</|thinking|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("[THINK]", "[/THINK]"),
)
"""Opening and closing tags of the traces of open models; capital letters do not count."""
CHANNEL = "<|channel|>"
"""Names a part of a gpt-oss answer: ``analysis`` and ``commentary`` are traces, ``final`` is the answer."""
CHANNEL_MARKS = (CHANNEL, "<|message|>", "<|start|>", "<|end|>")
"""Marks around gpt-oss's channels; other models use the last two for other things."""

_OPEN = "|".join(re.escape(tag) for tag in dict.fromkeys(opening for opening, _ in TAGS))
_OPENED = re.compile(rf"(?:{_OPEN})\s*\Z", re.IGNORECASE)
_ANY_OPEN = re.compile(_OPEN, re.IGNORECASE)
_ANY_CLOSE = re.compile("|".join(re.escape(closing) for _, closing in TAGS), re.IGNORECASE)
_WHOLE = [
    re.compile(rf"{re.escape(opening)}(.*?)(?:{'|'.join(re.escape(c) for o, c in TAGS if o == opening)})", re.I | re.S)
    for opening in dict.fromkeys(opening for opening, _ in TAGS)
]
_PART = re.compile(
    r"<\|channel\|>\s*(\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>(.*?)(?=<\|(?:end|start|channel|return|call)\|>|\Z)",
    re.S,
)
_PLAIN_CHANNELS = re.compile(r"\A\s*(?:analysis|commentary)(?=[A-Z\"'(\[])(.*?)(?:assistant(?:final|$)(.*)|\Z)", re.S)
"""What is left of the channels where the marks, which are special tokens, were not decoded."""


class Stripped(NamedTuple):
    """What a model wrote, in two parts.

    Parameters
    ----------
    answer : str
        What is judged: without traces, without white space around it.
    trace : str
        The traces, without their tags.
    """

    answer: str
    trace: str

    @property
    def trace_characters(self) -> int:
        """Length of the trace in characters."""
        return len(self.trace)

    @property
    def trace_words(self) -> int:
        """Length of the trace in words."""
        return len(self.trace.split())


def strip_trace(text: str) -> Stripped:
    """Take the reasoning traces out of a text.

    A trace that is not closed goes to the end of the text: a model that never stopped thinking has an empty answer.
    A closing tag without an opening one ends a trace that the chat template opened. Of channels, ``final`` is the
    answer and everything else the trace.

    Parameters
    ----------
    text : str
        What a model wrote; a text without tags is all answer.
    """
    if CHANNEL in text:
        parts = [(name, part.strip()) for name, part in _PART.findall(text)]
        return Stripped(
            "\n".join(part for name, part in parts if name == "final"),
            "\n".join(part for name, part in parts if name != "final"),
        )
    plain = _PLAIN_CHANNELS.match(text)
    if plain:
        return Stripped((plain.group(2) or "").strip(), plain.group(1).strip())
    traces: list[str] = []
    for pattern in _WHOLE:
        traces += [trace.strip() for trace in pattern.findall(text)]
        text = pattern.sub("\n", text)
    closings = list(_ANY_CLOSE.finditer(text))
    if closings:
        traces.insert(0, _ANY_CLOSE.sub(" ", text[: closings[-1].start()]).strip())
        text = text[closings[-1].end() :]
    opening = _ANY_OPEN.search(text)
    if opening:
        traces.append(text[opening.end() :].strip())
        text = text[: opening.start()]
    return Stripped(text.strip(), "\n".join(trace for trace in traces if trace))


def opened_by(prompt: str) -> str:
    """Return the opening tag at the very end of a rendered prompt, empty where there is none.

    Some chat templates open the trace themselves. Whoever keeps what follows must put the tag before it: of a trace
    that was cut off at the longest answer, nothing else tells that it is one.
    """
    found = _OPENED.search(prompt)
    return found.group().strip() if found else ""


def is_mark(token: str, channels: bool) -> bool:
    """Return whether a special token must stay in the text, since it tells trace and answer apart.

    Parameters
    ----------
    token : str
        The token's text.
    channels : bool
        Whether the tokenizer knows gpt-oss's channels.
    """
    return any(token.casefold() in (o.casefold(), c.casefold()) for o, c in TAGS) or (
        channels and token in CHANNEL_MARKS
    )


def strip_traces(generations: pd.DataFrame) -> pd.DataFrame:
    """Return table ``generations`` with what is judged.

    Parameters
    ----------
    generations : DataFrame
        With a column text.

    Returns
    -------
    DataFrame
        The same rows and, beside the columns that are there, answer, trace_characters and trace_words.
    """
    parts = [strip_trace(text) for text in generations["text"]]
    return generations.assign(
        answer=pd.Series([part.answer for part in parts], index=generations.index, dtype=object),
        trace_characters=pd.Series([part.trace_characters for part in parts], index=generations.index, dtype=int),
        trace_words=pd.Series([part.trace_words for part in parts], index=generations.index, dtype=int),
    )
