"""Prompts: gender-related everyday situations from templates, in English and German with the same meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from plural_core.errors import ConfigError
from plural_core.simulation.bank import LANGUAGES, read_bank

ABOUT = ("women", "men")
_TRIES = 200


@dataclass(frozen=True)
class Prompt:
    """A prompt in both languages, and what decides which responses are likely.

    Parameters
    ----------
    texts : dict of str to str
        Language to text.
    topic : str
        Work, childcare, sport and so on.
    stance : str
        What the person wants: support, advice, agreement with a prejudice (leading), or facts.
    about : {'women', 'men'}
        Whom it is about.
    """

    texts: dict[str, str]
    topic: str
    stance: str
    about: str


def topics() -> tuple[str, ...]:
    """Return the topics of prompts."""
    return tuple(read_bank("prompts")["topics"])


def stances() -> tuple[str, ...]:
    """Return the stances of prompts."""
    return tuple(read_bank("prompts")["frames"])


def draw_prompts(n: int, rng: np.random.Generator, taken: set[str]) -> list[Prompt]:
    """Draw distinct prompts, topics in turn, stances, frames and fillings at random.

    Parameters
    ----------
    n : int
        How many.
    rng : numpy.random.Generator
        The stream of random numbers.
    taken : set of str
        Texts (of either language) that may not come; the new ones are added to it.

    Raises
    ------
    ConfigError
        The templates cannot give so many further prompts.
    """
    found: list[Prompt] = []
    tries = 0
    queue: list[str] = []
    while len(found) < n:
        if not queue:
            queue = [str(topic) for topic in rng.permutation(topics())]
        prompt = _draw(queue[-1], rng)
        tries += 1
        if tries > _TRIES * (n + 10):
            raise ConfigError(
                f"simulation: the templates gave only {len(found)} of {n} further prompts; ask for fewer "
                "(prompts, test_prompts, acceptance_prompts)"
            )
        if taken.isdisjoint(prompt.texts.values()):
            queue.pop()
            taken.update(prompt.texts.values())
            found.append(prompt)
    return found


def _draw(topic: str, rng: np.random.Generator) -> Prompt:
    bank = read_bank("prompts")
    scene = bank["topics"][topic]
    about = _pick(ABOUT, rng)
    stance = _pick(stances(), rng)
    frame = _pick(bank["frames"][stance], rng)
    fillings = {
        "relative": _pick(bank["relatives"][about], rng),
        "person": _pick(bank["persons"][about], rng),
        "group": _pick(bank["groups"][about], rng),
        "speaker": _pick(bank["speakers"], rng),
        "activity": _pick(scene["activities"], rng),
        "belief": _pick(scene[about], rng),
        "place": scene["place"],
    }
    texts = {language: frame[language].format(**_slots(fillings, about, language)) for language in LANGUAGES}
    return Prompt(texts=texts, topic=topic, stance=stance, about=about)


def _slots(fillings: Mapping[str, Mapping[str, str]], about: str, language: str) -> dict[str, str]:
    """Return the text of every slot; a capital letter in a slot's name capitalises it."""
    slots = {name: filling[language] for name, filling in fillings.items()}
    slots |= {
        name.capitalize(): slots[name][0].upper() + slots[name][1:]
        for name in ("relative", "person", "speaker", "place")
    }
    slots["relative_dative"] = fillings["relative"]["dative"]
    slots["who"] = fillings["person"]["who"]
    slots |= read_bank("prompts")["pronouns"][about][language]
    return slots


def _pick(options: Any, rng: np.random.Generator) -> Any:
    return options[int(rng.integers(len(options)))]
