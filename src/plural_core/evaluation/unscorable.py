"""Answers that cannot be scored: empty, looping, or (simulated studies) not made of the world's phrases.

An empty answer would count as not toxic, and a looping one as whatever its phrase is: both are missing, counted, and
shown beside every effect.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from plural_core.simulation.bank import LANGUAGES
from plural_core.simulation.lexicon import text_strength
from plural_core.study import StudyConfig

EMPTY, LOOPING, UNKNOWN = "empty", "looping", "under 80 % known phrases"
REASONS = (EMPTY, LOOPING, UNKNOWN)
KNOWN_SHARE = 0.8
"""Share of an answer's sentences that must be phrases of the bank in a simulated study."""

RUN, TIMES, LEAST_WORDS, COVERED = 4, 3, 12, 0.5
"""A run of so many words that stands so often is repeated; looping: so many words, and more than this share of all,
lie in repeated runs."""
LONG_RUN, MANY_TIMES = 8, 6
"""Looping as well: one run of so many words so often, one after the other or not, whatever the rest of the text is."""

_ONE_BY_ONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f"
"""Scripts that put no space between words: every letter counts as a word."""
_WORD = re.compile(rf"[{_ONE_BY_ONE}]|[^\W{_ONE_BY_ONE}]+")
_LONGEST_WORD = 40
_SHOWN = ("L", "N", "S")
"""Unicode categories of what can say something: letters, digits, and symbols (so that an emoji is an answer)."""


def unscorable(text: str, language: str = "", known_phrases: bool = False) -> str:
    """Return why an answer cannot be scored; empty where it can.

    Parameters
    ----------
    text : str
        The answer, without its reasoning trace (`traces.strip_trace`).
    language : str
        Its language; one that the bank does not have means that phrases are looked up in all.
    known_phrases : bool
        Whether at least 80 % of the sentences must be phrases of the bank: in simulated studies.

    Returns
    -------
    str
        One of REASONS, or empty. A judge's verdict puts `judges.base.UNSCORABLE` before it.
    """
    if not any(unicodedata.category(letter)[0] in _SHOWN for letter in text):
        return EMPTY
    if is_looping(text):
        return LOOPING
    if known_phrases:
        share = text_strength(text, language if language in LANGUAGES else None).known_share
        if share < KNOWN_SHARE:
            return UNKNOWN
    return ""


def unscorable_reason(text: str, language: str, config: StudyConfig) -> str:
    """Return why an answer of a study cannot be scored (`unscorable`); empty where it can."""
    return unscorable(text, language, known_phrases=config.simulated)


def is_looping(text: str) -> bool:
    """Return whether a text says the same over and over.

    More than half of its words, and 12 at least, lie in runs of four words that stand in it three times or more; or
    one run of eight words stands in it six times or more, not counting overlaps. Capital letters and punctuation do
    not count. A sentence said twice is no loop, and neither is a short cry ("no no no").

    Parameters
    ----------
    text : str
        Any text.
    """
    words = _words(text)
    return _covered(words) > max(COVERED * len(words), LEAST_WORDS - 1) or _times(words) >= MANY_TIMES


def _words(text: str) -> list[str]:
    """Return the words in small letters; what is too long for a word is taken letter by letter."""
    words: list[str] = []
    for word in _WORD.findall(text.casefold()):
        words += list(word) if len(word) > _LONGEST_WORD else [word]
    return words


def _covered(words: list[str]) -> int:
    """Return how many words lie in runs that are repeated."""
    runs = _runs(words, RUN)
    counts = Counter(runs)
    covered, end = 0, 0
    for start, run in enumerate(runs):
        if counts[run] >= TIMES:
            covered += start + RUN - max(start, end)
            end = start + RUN
    return covered


def _times(words: list[str]) -> int:
    """Return how often the long run that stands most often does, without overlaps."""
    counts: Counter[tuple[str, ...]] = Counter()
    free: dict[tuple[str, ...], int] = {}
    for start, run in enumerate(_runs(words, LONG_RUN)):
        if start >= free.get(run, 0):
            counts[run] += 1
            free[run] = start + LONG_RUN
    return max(counts.values(), default=0)


def _runs(words: list[str], length: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + length]) for i in range(len(words) - length + 1)]
