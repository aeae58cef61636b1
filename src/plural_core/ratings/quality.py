"""What the ratings are like: coverage, straight-lining, attention, missing values, use of the scales.

Beside the adapter's ingest log, which says what was dropped and recoded on the way in. Numbers of people obey
suppression: 0 or at least k, and no small difference to a slice that is shown; else they are told in words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from plural_core.ratings.differencing import small_difference
from plural_core.ratings.merging import Levels, merge_small
from plural_core.ratings.privacy import NOT_STATED, ProtectedParticipants
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig

MIN_RATINGS_STRAIGHT = 10
"""Giving the same level throughout is called straight-lining from this number of ratings on."""
MOST_BINS = 6
COLUMNS = ["order", "section", "measure", "subject", "value", "of", "share", "shown", "note"]


@dataclass(frozen=True)
class QualityReport:
    """The tables of notebook 01_quality.

    Parameters
    ----------
    quality : DataFrame
        One number per row, in reading order: section, measure, subject, value, of (out of how many), share, shown
        (the number in words, also where it may not be told), note.
    coverage : DataFrame
        dimension, n_ratings, n_items, share: how many of the items have so many ratings (0 included).
    scale_use : DataFrame
        dimension, level, level_label, n_ratings, share of the dimension's ratings.
    """

    quality: pd.DataFrame
    coverage: pd.DataFrame
    scale_use: pd.DataFrame


@dataclass(frozen=True, eq=False)
class _Coded:
    """Row numbers of participants (in the order of the protected ones), items and dimensions, per rating."""

    participant: np.ndarray
    item: np.ndarray
    dimension: np.ndarray
    level: np.ndarray
    n_participants: int
    n_items: int


class _Told:
    """The divisions of the participants whose sizes this report tells, checked against each other as well."""

    def __init__(self, people: ProtectedParticipants) -> None:
        self.people = people
        self._groups: list[np.ndarray] = []

    def may(self, groups: np.ndarray) -> bool:
        """Return whether the sizes of `groups` may be told, and remember them if so."""
        k = self.people.k
        allowed = self.people.allows(groups) and not any(small_difference(groups, g, k) for g in self._groups)
        if allowed:
            self._groups.append(groups)
        return allowed


def quality_report(tables: RatingTables, config: StudyConfig, people: ProtectedParticipants) -> QualityReport:
    """Describe the ratings of a study.

    Parameters
    ----------
    tables : RatingTables
        The study.
    config : StudyConfig
        Its dimensions and factors.
    people : ProtectedParticipants
        The same participants after suppression.
    """
    coded = _code(tables, config, people)
    told = _Told(people)
    rows = [
        *_size(coded, tables, config, people),
        *_coverage_rows(coded, config),
        *_per_participant(coded, told),
        *_missing_ratings(coded, config),
        *_straight_lining(coded, told),
        *_attention(tables, told),
        *_missing_demographics(tables, config, people),
    ]
    quality = pd.DataFrame(rows, columns=COLUMNS[1:])
    quality.insert(0, "order", np.arange(1, len(quality) + 1))
    quality = quality.astype({"value": float, "of": float, "share": float})
    return QualityReport(quality, _coverage(coded, config), _scale_use(coded, config))


def _code(tables: RatingTables, config: StudyConfig, people: ProtectedParticipants) -> _Coded:
    ratings = tables.ratings
    ids = pd.Index(people.participants["participant_id"])
    return _Coded(
        ids.get_indexer(pd.Index(ratings["participant_id"])),
        pd.Index(tables.items["item_id"]).get_indexer(pd.Index(ratings["item_id"])),
        pd.Index(list(config.dimensions)).get_indexer(pd.Index(ratings["dimension"])),
        ratings["rating"].to_numpy(dtype=np.int64),
        len(ids),
        len(tables.items),
    )


Row = tuple[str, str, str, float, float, float, str, str]


def _row(section: str, measure: str, subject: str, value: float, of: float = np.nan, note: str = "") -> Row:
    share = value / of if of > 0 else np.nan
    whole = float(value).is_integer()
    shown = "–" if np.isnan(value) else f"{int(value):,}" if whole else f"{value:.2f}"
    if of > 0 and not np.isnan(value):
        shown += f" of {int(of):,} ({share:.1%})"
    return section, measure, subject, value, of, share, shown, note


def _words(section: str, measure: str, subject: str, words: str, note: str = "") -> Row:
    return section, measure, subject, np.nan, np.nan, np.nan, words, note


def _hidden(n: int, of: int, k: int) -> str:
    """Return a number of people that may not be told, in words that bound it."""
    if 0 < n < k:
        return f"fewer than {k}"
    return f"all but fewer than {k}" if 0 < of - n < k else "not shown"


def _size(coded: _Coded, tables: RatingTables, config: StudyConfig, people: ProtectedParticipants) -> list[Row]:
    n = coded.n_participants
    rated = len(np.unique(coded.item))
    who = ("size", "participants", "all")
    return [
        _row(*who, n) if n >= people.k else _words(*who, _hidden(n, n, people.k)),
        _row("size", "items", "all", coded.n_items),
        _row("size", "items rated", "all", rated, coded.n_items),
        _row("size", "ratings", "all", len(tables.ratings)),
        *(
            _row("size", "ratings", name, int((coded.dimension == number).sum()))
            for number, name in enumerate(config.dimensions)
        ),
    ]


def _ratings_per_item(coded: _Coded, dimension: int) -> np.ndarray:
    return np.bincount(coded.item[coded.dimension == dimension], minlength=coded.n_items)


def _coverage_rows(coded: _Coded, config: StudyConfig) -> list[Row]:
    rows = []
    for number, name in enumerate(config.dimensions):
        per_item = _ratings_per_item(coded, number)
        rated = per_item[per_item > 0]
        if not len(rated):
            rows.append(_words("coverage", "ratings per rated item", name, "no ratings"))
            continue
        alone = int((rated == 1).sum())
        note = "" if (rated > 1).any() else "no item has two ratings: agreement is not estimable"
        rows += [
            _row("coverage", "ratings per rated item, mean", name, float(rated.mean())),
            _row("coverage", "ratings per rated item, fewest", name, int(rated.min())),
            _row("coverage", "ratings per rated item, most", name, int(rated.max())),
            _row("coverage", "items with one rating", name, alone, len(rated), note),
        ]
    return rows


def _coverage(coded: _Coded, config: StudyConfig) -> pd.DataFrame:
    parts = []
    for number, name in enumerate(config.dimensions):
        counts = np.bincount(_ratings_per_item(coded, number))
        present = np.flatnonzero(counts)
        parts.append(
            pd.DataFrame(
                {
                    "dimension": name,
                    "n_ratings": present.astype(np.int64),
                    "n_items": counts[present].astype(np.int64),
                    "share": counts[present] / counts.sum(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _scale_use(coded: _Coded, config: StudyConfig) -> pd.DataFrame:
    rows = []
    for number, (name, scale) in enumerate(config.dimensions.items()):
        counts = np.bincount(coded.level[coded.dimension == number] - 1, minlength=scale.levels)
        labels = scale.labels or [str(level) for level in range(1, scale.levels + 1)]
        total = max(int(counts.sum()), 1)
        rows += [(name, i + 1, labels[i], int(counts[i]), counts[i] / total) for i in range(scale.levels)]
    return pd.DataFrame(rows, columns=["dimension", "level", "level_label", "n_ratings", "share"])


def _per_participant(coded: _Coded, told: _Told) -> list[Row]:
    """Describe how many items people rated, in ranges that hold enough people each."""
    pairs = np.unique(coded.participant * max(coded.n_items, 1) + coded.item)
    items = np.bincount(pairs // max(coded.n_items, 1), minlength=coded.n_participants)
    if coded.n_participants < told.people.k:
        return []
    rows = [
        _row("coverage", "items per participant, mean", "all", float(items.mean())),
        _row("coverage", "items per participant, median", "all", float(np.median(items))),
    ]
    edges = np.unique(items)
    if len(edges) > MOST_BINS:
        edges = np.unique(np.quantile(items, np.linspace(0, 1, MOST_BINS), method="lower"))
    bins = np.searchsorted(edges, items, side="right") - 1
    levels = Levels(tuple(str(e) for e in edges), ordered=True)
    grouping = merge_small(levels, np.bincount(bins, minlength=len(edges)).tolist(), told.people.k)
    group = np.zeros(len(edges), dtype=np.int64)
    for number, members in enumerate(grouping):
        group[list(members)] = number
    if not told.may(group[bins]):
        return rows
    for number in range(len(grouping)):
        chosen = items[group[bins] == number]
        span = _range(int(chosen.min()), int(chosen.max()), number == 0, number == len(grouping) - 1)
        rows.append(_row("coverage", "participants by items rated", span, len(chosen), len(items)))
    return rows


def _range(low: int, high: int, first: bool, last: bool) -> str:
    """Name a range of numbers of items; its ends are open, so that nobody's own extreme number is told."""
    if low == high:
        return f"{low} item{'s' * (low != 1)}"
    if first and last:
        return "any number of items"
    if first:
        return f"up to {high} items"
    return f"{low} items or more" if last else f"{low} to {high} items"


def _missing_ratings(coded: _Coded, config: StudyConfig) -> list[Row]:
    width = max(coded.n_items, 1)
    cells = len(np.unique(coded.participant * width + coded.item))
    return [
        _row(
            "missing",
            "participant-item rows without a rating",
            name,
            cells - int((coded.dimension == number).sum()),
            cells,
        )
        for number, name in enumerate(config.dimensions)
    ]


def _straight_lining(coded: _Coded, told: _Told) -> list[Row]:
    """Count people who gave the same level for everything."""
    n = coded.n_participants
    given = np.bincount(coded.participant, minlength=n)
    low, high = np.full(n, np.iinfo(np.int64).max), np.zeros(n, dtype=np.int64)
    np.minimum.at(low, coded.participant, coded.level)
    np.maximum.at(high, coded.participant, coded.level)
    enough = given >= MIN_RATINGS_STRAIGHT
    straight = enough & (low == high)
    where = ("straight-lining", "participants who gave one level throughout", "all")
    note = f"among those with at least {MIN_RATINGS_STRAIGHT} ratings"
    count, of = int(straight.sum()), int(enough.sum())
    if not of:
        return [_words(*where, "–", f"nobody gave {MIN_RATINGS_STRAIGHT} ratings or more")]
    if told.may(np.where(straight, 2, enough.astype(np.int64))):
        return [_row(*where, count, of, note=note)]
    if told.may(straight.astype(np.int64)):
        return [_row(*where, count, note=note)]
    return [_words(*where, _hidden(count, of, told.people.k), note)]


def _attention(tables: RatingTables, told: _Told) -> list[Row]:
    """Count who passed an attention check, who failed, and who was not asked."""
    ids = pd.Index(tables.participants["participant_id"])
    order = ids.get_indexer(pd.Index(told.people.participants["participant_id"]))
    passed = tables.participants["passed_attention"].astype("boolean").iloc[order]
    group = np.where(passed.isna(), 0, np.where(passed.fillna(False), 1, 2)).astype(np.int64)
    n = len(group)
    counts = np.bincount(group, minlength=3)
    section, names = "attention check", ("not asked", "passed", "failed")
    if told.may(group):
        return [_row(section, names[i], "all", int(counts[i]), n) for i in (1, 2, 0)]
    asked = (group > 0).astype(np.int64)
    of = int(counts[1:].sum())
    among = "of those who were asked"
    rows = [_words(section, names[i], "all", _hidden(int(counts[i]), of, told.people.k), among) for i in (1, 2)]
    if told.may(asked):
        return [*rows, _row(section, names[0], "all", int(counts[0]), n)]
    return [*rows, _words(section, names[0], "all", _hidden(int(counts[0]), n, told.people.k))]


def _missing_demographics(tables: RatingTables, config: StudyConfig, people: ProtectedParticipants) -> list[Row]:
    rows = []
    n = len(tables.participants)
    for name in config.factors:
        where = ("missing", "participants who did not state", name)
        missing = int(tables.participants[name].isna().sum() + (tables.participants[name] == NOT_STATED).sum())
        if n < people.k:
            rows.append(_words(*where, _hidden(n, n, people.k)))
        elif missing in (0, n) or people.shown(name, NOT_STATED) == NOT_STATED:
            rows.append(_row(*where, missing, n))
        else:
            rows.append(_words(*where, _hidden(missing, n, people.k), "merged with another level"))
    return rows
