"""The truth of a text: its phrases, their mean strength, and the rating that an average rater would give."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from plural_core.errors import ConfigError, nearest
from plural_core.simulation.bank import LANGUAGES
from plural_core.simulation.phrases import dimensions, phrases, strengths
from plural_core.simulation.world import World, build_world
from plural_core.study import StudyConfig

_SENTENCE = re.compile(r"[^.!?]*[.!?]")
_SPACE_BEFORE = re.compile(r"\s+(?=[.,!?])")


class TextStrength(NamedTuple):
    """What the bank knows of a text.

    Parameters
    ----------
    strength : dict of str to float
        Dimension to mean strength of the known phrases, in [-1, 1]; NaN where none is known.
    known_share : float
        Share of the text's sentences that are phrases of the bank, in [0, 1]; 0 for an empty text.
    """

    strength: dict[str, float]
    known_share: float


def segment(text: str, language: str | None = None) -> list[int | None]:
    """Split a text into sentences and name each one's phrase.

    A phrase is one sentence with its mark (. ! ?) at the end and none within, so there is one way to split. White
    space does not count: any run of it is one space, none stands before a mark, and sentences need none between
    them. Letters are compared in Unicode's composed form. What stands after the last mark is an unknown sentence.

    Parameters
    ----------
    text : str
        Any text.
    language : {'en', 'de'}, optional
        Look the sentences up in this language only (default: in both).

    Returns
    -------
    list of int or None
        For each sentence its index in the bank, or None.
    """
    known = _index(language)
    plain = _SPACE_BEFORE.sub("", " ".join(unicodedata.normalize("NFC", text).split()))
    found: list[int | None] = []
    end = 0
    for match in _SENTENCE.finditer(plain):
        end = match.end()
        found.append(known.get(match.group().strip()))
    if plain[end:].strip():
        found.append(None)
    return found


def text_strength(text: str, language: str | None = None) -> TextStrength:
    """Return a text's strength on each dimension and the share of its sentences that the bank knows.

    Parameters
    ----------
    text : str
        Any text, also one that a model wrote.
    language : {'en', 'de'}, optional
        Look in this language only (default: in both).
    """
    found = segment(text, language)
    known = [index for index in found if index is not None]
    if not known:
        return TextStrength(dict.fromkeys(dimensions(), float("nan")), 0.0)
    mean = strengths()[known].mean(axis=0)
    return TextStrength({d: float(v) for d, v in zip(dimensions(), mean, strict=True)}, len(known) / len(found))


@dataclass(frozen=True)
class Lexicon:
    """The judge that knows the truth of a simulated study's world."""

    world: World

    @classmethod
    def of(cls, config: StudyConfig) -> Lexicon:
        """Return the lexicon of the world that a config describes."""
        return cls(build_world(config))

    def score(self, text: str, dimension: str, language: str | None = None) -> float:
        """Return (E[rating | text, average rater] - 1) / (K - 1), in [0, 1]; NaN where no phrase is known.

        The average rater has the population's mean shift and slope and no rater effect; the item has no effect
        beyond its text.
        """
        if dimension not in self.world.dimensions:
            raise ConfigError(f"lexicon: unknown dimension '{dimension}'.{nearest(dimension, self.world.dimensions)}")
        part = self.world.dimensions[dimension]
        strength = np.array(text_strength(text, language).strength[dimension])
        return float((part.expected_rating(strength) - 1.0) / part.thresholds.size)


def lexicon_score(text: str, dimension: str, config: StudyConfig | None = None, language: str | None = None) -> float:
    """Return the lexicon's score of a text, by default in the world `paper` with all defaults.

    For many texts, make one `Lexicon` and use its ``score``.
    """
    lexicon = _default_lexicon() if config is None else Lexicon.of(config)
    return lexicon.score(text, dimension, language)


@cache
def _default_lexicon() -> Lexicon:
    return Lexicon.of(StudyConfig.model_validate({"study": "default"}))


@cache
def _index(language: str | None) -> dict[str, int]:
    if language is not None and language not in LANGUAGES:
        raise ConfigError(f"lexicon: unknown language '{language}'; known: {', '.join(LANGUAGES)}")
    languages = LANGUAGES if language is None else (language,)
    return {phrase.texts[name]: index for index, phrase in enumerate(phrases()) for name in languages}
