"""The phrase bank: sentences in two languages with their strength on each dimension."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from plural_core.simulation.bank import LANGUAGES, read_bank

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Phrase:
    """One sentence of the bank.

    Parameters
    ----------
    id : str
        Its name in the bank.
    kind : str
        What sort of sentence it is: warm, hostile, practical and so on; styles choose among kinds.
    texts : dict of str to str
        Language to sentence; the sentences are translations of each other.
    strength : tuple of float
        Strength on each of `dimensions()`, from -1 (clearly absent) to 1 (clearly there).
    about : {'women', 'men'} or None
        Limits it to prompts about these.
    topics : tuple of str
        Limits it to prompts on these topics (empty: any).
    """

    id: str
    kind: str
    texts: dict[str, str]
    strength: tuple[float, ...]
    about: str | None
    topics: tuple[str, ...]

    def fits(self, topic: str, about: str) -> bool:
        """Return whether the phrase may answer a prompt on `topic` about `about`."""
        return self.about in (None, about) and (not self.topics or topic in self.topics)


def dimensions() -> tuple[str, ...]:
    """Return the dimensions on which the bank knows strengths, in the bank's order."""
    return tuple(read_bank("phrases")["dimensions"])


@cache
def phrases() -> tuple[Phrase, ...]:
    """Return all phrases in the bank's order."""
    return tuple(
        Phrase(
            id=entry["id"],
            kind=entry["kind"],
            texts={language: entry[language] for language in LANGUAGES},
            strength=tuple(float(value) for value in entry["strength"]),
            about=entry.get("about"),
            topics=tuple(entry.get("topics", ())),
        )
        for entry in read_bank("phrases")["phrases"]
    )


@cache
def strengths() -> FloatArray:
    """Return the strengths of all phrases, shape (phrases, dimensions)."""
    table = np.array([phrase.strength for phrase in phrases()], dtype=np.float64)
    table.setflags(write=False)
    return table
