"""What the columns of a visitor's file are likely to hold; every guess can be corrected."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from plural_core.ratings.coded import Coded
from plural_core.ratings.raw import RawTable
from plural_core.study.config import DataConfig

MISSING = tuple(DataConfig().missing)
MOST_LEVELS = 12
"""A characteristic of people has no more different values than this."""
LONGEST_SCALE = 11
SCALE = 5
"""Levels of a scale of which no higher level was used."""

_PARTICIPANT = (
    *("participant_id", "participant", "worker_id", "workerid", "worker", "annotator_id", "annotator", "rater_id"),
    *("rater", "user_id", "userid", "user", "respondent_id", "respondent", "person", "prolific_id", "coder"),
)
_ITEM = (
    *("item_id", "item", "answer_id", "response_id", "instance_id", "text_id", "comment_id", "post_id", "tweet_id"),
    *("example_id", "pair_id", "id"),
)
_PROMPT = ("prompt", "question", "context", "instruction", "query")
_RESPONSE = ("response", "answer", "completion", "reply", "output", "text", "comment", "post", "tweet", "sentence")
_PROMPT_ID = ("prompt_id", "question_id", "context_id")
_LANGUAGE = ("language", "lang", "locale")
_DIMENSION = ("dimension", "criterion", "aspect", "attribute", "question_name", "variable")
_RATING = ("rating", "score", "value", "label", "judgement", "judgment")
_FACTORS = (
    *(
        "country",
        "gender",
        "sex",
        "age",
        "political",
        "politics",
        "ideology",
        "party",
        "ethnicity",
        "race",
        "education",
    ),
    *("occupation", "religion", "income", "region", "nationality", "orientation", "marital", "employment"),
    *("native", "locale", "language"),
)
_BAD = ("toxic", "harm", "offens", "hate", "bias", "stereotyp", "unsafe", "insult", "threat", "profan", "rude")
_RANGE = re.compile(r"^\D{0,8}\d+\s*(-|–|to|\+)?\s*\d*\D{0,8}$")


@dataclass(frozen=True)
class Mapping:
    """Which column holds what.

    Parameters
    ----------
    participant : str
        Who rated.
    item : str
        What was rated; empty to number the texts.
    ratings : tuple of str
        Wide files: a column per dimension. Empty for long files.
    dimension, rating : str
        Long files: the column that names the dimension (may be empty: one dimension), and that of the rating.
    factors : tuple of str
        Columns that describe people.
    prompt, response, prompt_id, language : str
        Columns of texts; empty where there is none.
    levels : dict of str to int
        For each dimension the number of levels.
    lowest : dict of str to int
        For each dimension the lowest value of its scale in the file, 0 or 1.
    bad : frozenset of str
        Dimensions of which a high rating is bad.
    """

    participant: str = ""
    item: str = ""
    ratings: tuple[str, ...] = ()
    dimension: str = ""
    rating: str = ""
    factors: tuple[str, ...] = ()
    prompt: str = ""
    response: str = ""
    prompt_id: str = ""
    language: str = ""
    levels: dict[str, int] = field(default_factory=dict)
    lowest: dict[str, int] = field(default_factory=dict)
    bad: frozenset[str] = frozenset()

    @property
    def long(self) -> bool:
        """Whether the file has one row per rating."""
        return bool(self.rating) and not self.ratings

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the dimensions, as the file has them."""
        return self.ratings if not self.long else tuple(self.levels)


def guess(raw: RawTable) -> Mapping:
    """Return a guess of what the columns of a file hold."""
    cells = {name: raw.coded(name, MISSING) for name in raw.columns}
    participant = _named(raw.columns, _PARTICIPANT) or _repeating(cells)
    used = {participant}
    prompt = _named(raw.columns, _PROMPT, used)
    prompt_id = _named(raw.columns, _PROMPT_ID, used)
    response = _named(raw.columns, _RESPONSE, used | {prompt})
    item = _named(raw.columns, _ITEM, used | {prompt_id})
    language = _named(raw.columns, _LANGUAGE, used)
    used |= {prompt, prompt_id, response, item, language}
    known = [name for name in raw.columns if name not in used and participant]
    factors = tuple(name for name in known if _is_factor(name, cells[name], cells[participant]))
    rest = [name for name in raw.columns if name not in used and name not in factors]
    dimension, rating = _named(raw.columns, _DIMENSION, used), _named(raw.columns, _RATING, used)
    wide = tuple(name for name in rest if name not in (dimension,) and _scale(cells[name]) is not None)
    texts: dict[str, Any] = {"prompt": prompt, "response": response, "prompt_id": prompt_id, "language": language}
    if rating in wide and (dimension or len(wide) == 1):
        levels, lowest = long_scales(raw, dimension, rating)
        people = tuple(f for f in factors if f != dimension)
        return Mapping(
            participant, item, dimension=dimension, rating=rating, factors=people, levels=levels, lowest=lowest,
            bad=_bad(list(levels)), **texts,
        )  # fmt: skip
    scales = {name: _scale(cells[name]) or (1, SCALE) for name in wide}
    levels = {name: top - low + 1 for name, (low, top) in scales.items()}
    lowest = {name: low for name, (low, _) in scales.items()}
    return Mapping(
        participant, item, wide, factors=factors, levels=levels, lowest=lowest, bad=_bad(list(wide)), **texts
    )


def scale_of(raw: RawTable, column: str) -> tuple[int, int]:
    """Return the lowest and highest level of the scale that a column's whole numbers suggest."""
    return _scale(raw.coded(column, MISSING)) or (1, SCALE)


def long_scales(raw: RawTable, dimension: str, rating: str) -> tuple[dict[str, int], dict[str, int]]:
    """Return levels and lowest value of each dimension of a long file."""
    cells = {name: raw.coded(name, MISSING) for name in {dimension, rating} if name}
    names, levels, lowest = _long(cells, dimension, rating)
    return dict(zip(names, levels, strict=True)), dict(zip(names, lowest, strict=True))


def is_ordered(raw: RawTable, column: str) -> bool:
    """Return whether a characteristic's values look like steps of an order: ages, ranges of numbers."""
    values = [str(v) for v in raw.coded(column, MISSING).uniques]
    return len(values) > 2 and sum(bool(_RANGE.match(v)) for v in values) >= len(values) - 1


def _bad(names: list[str]) -> frozenset[str]:
    return frozenset(n for n in names if any(word in n.lower() for word in _BAD))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()).strip("_")


def _named(columns: list[str], known: tuple[str, ...], used: set[str] | None = None) -> str:
    """Return the column whose name is the first of the known ones, or an empty string."""
    free = {_plain(c): c for c in reversed(columns) if c not in (used or set())}
    return next((free[name] for name in known if name in free), "")


def _repeating(cells: dict[str, Coded]) -> str:
    """Return a column whose values repeat about as people's ids do, where no name says who rated."""
    for name, cell in cells.items():
        n, distinct = int((cell.codes >= 0).sum()), len(cell.uniques)
        if name.lower().endswith("id") and MOST_LEVELS < distinct <= n / 2:
            return name
    return ""


def _is_factor(name: str, cell: Coded, who: Coded) -> bool:
    """Return whether a column has few values, and nearly always the same one for a person."""
    distinct = len(cell.uniques)
    words = set(_plain(name).split("_"))
    most = MOST_LEVELS if words & set(_FACTORS) else 8
    if not 2 <= distinct <= most:
        return False
    rows = (cell.codes >= 0) & (who.codes >= 0)
    if not rows.any():
        return False
    pairs = np.unique(who.codes[rows] * distinct + cell.codes[rows])
    people = np.unique(who.codes[rows])
    if len(people) * 2 > rows.sum() and not words & set(_FACTORS):
        return False  # people rated once: anything is constant for them
    return len(pairs) <= 1.05 * len(people)


def _scale(cell: Coded) -> tuple[int, int] | None:
    """Return the ends of a scale of whole numbers, or None where the values are none."""
    numbers = []
    for value in cell.uniques:
        try:
            number = float(value)
        except ValueError:
            return None
        if not number.is_integer() or not 0 <= number <= 10:
            return None
        numbers.append(int(number))
    if len(numbers) < 2 or len(numbers) > LONGEST_SCALE:
        return None
    low = min(min(numbers), 1)
    top = max(numbers)
    if low == 0:
        return (0, top)
    return (1, max(top, SCALE) if top > 2 else top)


def _long(cells: dict[str, Coded], dimension: str, rating: str) -> tuple[list[str], list[int], list[int]]:
    values = cells[rating]
    if not dimension:
        low, top = _scale(values) or (1, SCALE)
        return [rating], [top - low + 1], [low]
    names, levels, lowest = [], [], []
    for code, name in enumerate(cells[dimension].uniques):
        here = np.unique(values.codes[(cells[dimension].codes == code) & (values.codes >= 0)])
        low, top = _scale(Coded(np.arange(len(here)), values.uniques[here])) or (1, SCALE)
        names.append(str(name))
        levels.append(top - low + 1)
        lowest.append(low)
    return names, levels, lowest
