"""The judge that knows the truth of a simulated world: what an average rater would say, from the phrases themselves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

import numpy as np

from plural_core.errors import ConfigError, nearest
from plural_core.evaluation.judges.base import UNSCORABLE, Ask, JudgeError, Verdict
from plural_core.simulation.bank import LANGUAGES
from plural_core.simulation.lexicon import text_strength
from plural_core.simulation.phrases import dimensions as bank_dimensions
from plural_core.simulation.phrases import phrases
from plural_core.simulation.world import World, build_world
from plural_core.study import StudyConfig

LEXICON_VERSION = 1
"""Raise it when scores may change although neither the world nor the bank does."""


class LexiconJudge:
    """Scores of the simulated world: (E[rating | text, average rater] - 1) / (K - 1).

    The same numbers as `Lexicon.score`, for many texts at once. A text's language decides in which language its
    phrases are looked up; one that is not of the bank means both.

    Parameters
    ----------
    name : str
        Its key in the study's ``judges``.
    world : World
        The simulated world.
    dimensions : sequence of str
        Dimensions that it scores.
    """

    def __init__(self, name: str, world: World, dimensions: Sequence[str]):
        self._name = name
        self._world = world
        self._dimensions = tuple(dimensions)
        # A text is taken apart once for all dimensions.
        self._strengths: dict[tuple[str, str | None], dict[str, float]] = {}

    @classmethod
    def of(cls, name: str, config: StudyConfig, dimensions: Sequence[str]) -> LexiconJudge:
        """Return the judge of the world that a config describes.

        Raises
        ------
        JudgeError
            The config describes no world.
        """
        if not config.simulated:
            raise JudgeError(f"judge '{name}': the lexicon knows simulated studies only; use ratings_model or openai")
        try:
            return cls(name, build_world(config), dimensions)
        except ConfigError as error:
            raise JudgeError(f"judge '{name}': {error}") from error

    @property
    def name(self) -> str:
        """Its key in the study's ``judges``."""
        return self._name

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Dimensions that it scores."""
        return self._dimensions

    def version(self, dimension: str) -> str:
        """Return a hash of the phrases, their strengths and what the average rater makes of them."""
        part = self._world.dimensions[self._known(dimension)]
        column = bank_dimensions().index(dimension)
        content = json.dumps(
            [
                LEXICON_VERSION,
                [part.gain, part.centre, part.average_shift, part.average_slope, part.thresholds.tolist()],
                [[phrase.texts, phrase.strength[column]] for phrase in phrases()],
            ],
            sort_keys=True,
        )
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def judge(self, dimension: str, asks: Sequence[Ask]) -> Iterator[tuple[int, Verdict]]:
        """Score texts, each distinct one once; see `Judge`."""
        part = self._world.dimensions[self._known(dimension)]
        strength = np.array([self._strength(ask)[dimension] for ask in asks], dtype=np.float64)
        scores = (part.expected_rating(strength) - 1.0) / part.thresholds.size
        unknown = Verdict.missing(f"{UNSCORABLE}the lexicon knows none of its sentences")
        for index, score in enumerate(scores.tolist()):
            yield index, Verdict(score) if score == score else unknown

    def _strength(self, ask: Ask) -> dict[str, float]:
        language = ask.language if ask.language in LANGUAGES else None
        key = (ask.response, language)
        if key not in self._strengths:
            self._strengths[key] = text_strength(*key).strength
        return self._strengths[key]

    def _known(self, dimension: str) -> str:
        if dimension not in self._world.dimensions:
            raise JudgeError(
                f"judge '{self._name}': unknown dimension '{dimension}'.{nearest(dimension, self._world.dimensions)}"
            )
        return dimension
