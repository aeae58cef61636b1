"""Responses: two to four phrases of the bank; the prompt decides which are likely."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from plural_core.simulation.bank import read_bank
from plural_core.simulation.phrases import FloatArray, phrases
from plural_core.simulation.prompts import Prompt

Response = tuple[int, ...]
"""Indices of phrases in the bank, in the order of the text."""


def draw_responses(prompt: Prompt, n: int, rng: np.random.Generator) -> list[Response]:
    """Draw `n` different responses to a prompt: a style by its stance, then phrases by style, topic and gender."""
    found: list[Response] = []
    while len(found) < n:
        response = _draw(prompt, rng)
        if response not in found:
            found.append(response)
    return found


def text_of(response: Sequence[int], language: str) -> str:
    """Return the text of a response."""
    bank = phrases()
    return " ".join(bank[index].texts[language] for index in response)


def _draw(prompt: Prompt, rng: np.random.Generator) -> Response:
    lengths, length_p = _weights("length")
    names, style_p = _weights("stances", prompt.stance)
    length = int(lengths[rng.choice(len(lengths), p=length_p)])
    style = str(names[rng.choice(len(names), p=style_p)])
    chances = _phrase_chances(style, prompt.topic, prompt.about)
    drawn = rng.choice(chances.size, size=length, replace=False, p=chances)
    return tuple(int(index) for index in drawn)


@cache
def _weights(*path: str) -> tuple[tuple[str, ...], FloatArray]:
    node = read_bank("recipes")
    for name in path:
        node = node[name]
    weights = np.array(list(node.values()), dtype=np.float64)
    return tuple(str(name) for name in node), weights / weights.sum()


@cache
def _phrase_chances(style: str, topic: str, about: str) -> FloatArray:
    """Return the chance of each phrase: a style's weight for a kind is shared by the kind's fitting phrases."""
    bank = phrases()
    chances = np.zeros(len(bank))
    for kind, weight in read_bank("recipes")["styles"][style].items():
        fitting = [i for i, phrase in enumerate(bank) if phrase.kind == kind and phrase.fits(topic, about)]
        chances[fitting] = weight / max(len(fitting), 1)
    total: float = chances.sum()
    return chances / total
