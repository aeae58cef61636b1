"""From rows of a raw file to the three tables: duplicates, contradictions, order, people and items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from plural_core.ratings.coded import Coded, pick
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.raw import RawTable
from plural_core.ratings.tables import Ingested, RatingTables, complete_participants

Conflict = Literal["error", "mode"]
ITEM_COLUMNS = ("prompt_id", "prompt", "response", "language", "source")
_HINT = "correct the file, or set data.on_conflict: mode to take the most frequent value"


@dataclass(frozen=True)
class Long:
    """Ratings, one per entry of four equally long arrays; ``row`` is the row of the raw file."""

    row: np.ndarray
    participant: np.ndarray
    item: np.ndarray
    dimension: np.ndarray
    level: np.ndarray

    def take(self, chosen: np.ndarray) -> Long:
        """Return the chosen ratings."""
        return Long(*(getattr(self, n)[chosen] for n in ("row", "participant", "item", "dimension", "level")))


def from_wide(levels: list[np.ndarray], participant: Coded, item: Coded, log: IngestLog) -> Long:
    """Return the ratings of rows with one array of levels per dimension (0: no rating), row by row."""
    grid = np.stack(levels, axis=1)
    row, dimension = np.nonzero(grid)
    if row.size < grid.size:
        log.add("dropped", "ratings", grid.size - row.size, grid.size, "no value")
    return Long(row, participant.codes[row], item.codes[row], dimension, grid[row, dimension])


def known_in(raw: RawTable, column: str, cells: Coded, key: Coded, other: RawTable, needed: np.ndarray) -> Coded:
    """Return the rows' codes in the key column of a second file.

    Raises
    ------
    DataError
        A `needed` row whose value the second file lacks.
    """
    index = {value: code for code, value in enumerate(key.uniques)}
    lookup = np.array([*(index.get(value, -1) for value in cells.uniques), -1], dtype=np.int64)
    codes = lookup[cells.codes]
    unknown = needed & (codes < 0)
    if unknown.any():
        row = int(np.argmax(unknown))
        value = cells.uniques[cells.codes[row]] if cells.codes[row] >= 0 else ""
        raise raw.fault(row, column, value, f"not in {other.path}; add it there or remove its ratings")
    return Coded(codes, key.uniques)


def modal(group: np.ndarray, value: np.ndarray, n_groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the most frequent value of each group; of equally frequent ones the one that stands first.

    Parameters
    ----------
    group, value : ndarray of int64, shape (n,)
        Non-negative codes.
    n_groups : int
        Number of groups.

    Returns
    -------
    mode : ndarray, shape (n_groups,)
        The modal value; -1 for a group without any.
    distinct : ndarray, shape (n_groups,)
        Number of different values.
    first : ndarray, shape (n_groups,)
        Index of the first entry that holds the mode; -1 for a group without any.
    """
    span = int(value.max()) + 1 if value.size else 1
    pairs, start, count = np.unique(group * span + value, return_index=True, return_counts=True)
    groups = pairs // span
    order = np.lexsort((start, -count, groups))
    best = order[np.searchsorted(groups[order], np.unique(groups))]
    mode, first = np.full(n_groups, -1), np.full(n_groups, -1)
    mode[groups[best]], first[groups[best]] = pairs[best] % span, start[best]
    return mode, np.bincount(groups, minlength=n_groups), first


def settle(long: Long, raw: RawTable, columns: list[str], conflict: Conflict, log: IngestLog) -> Long:
    """Return one rating per participant, item and dimension: equal duplicates merged, others refused or resolved.

    Parameters
    ----------
    long : Long
        All ratings.
    raw : RawTable
        Their file, for errors.
    columns : list of str
        For each dimension, the column of its ratings.
    conflict : {'error', 'mode'}
        What to do with duplicates that contradict each other.
    log : IngestLog
        Told what was merged and resolved.
    """
    n_dimensions = len(columns)
    n_items = int(long.item.max()) + 1 if long.item.size else 1
    key = (long.participant * n_items + long.item) * n_dimensions + long.dimension
    kept, start, group = np.unique(key, return_index=True, return_inverse=True)
    if kept.size == key.size:
        return long
    mode, distinct, _ = modal(group, long.level, kept.size)
    contradicted = distinct > 1
    if contradicted.any() and conflict == "error":
        entry = int(np.argmax(long.level != long.level[start[group]]))
        earlier = int(start[group[entry]])
        raise raw.fault(
            int(long.row[entry]),
            columns[int(long.dimension[entry])],
            int(long.level[entry]),
            f"the same participant rated the same item {long.level[earlier]} in row "
            f"{raw.row(int(long.row[earlier]))}; {_HINT}",
        )
    merged = int(key.size - kept.size)
    log.add("merged", "ratings", merged, key.size, "further ratings of the same participant, item and dimension")
    if contradicted.any():
        n = int(contradicted.sum())
        log.add("resolved", "ratings that contradict each other", n, kept.size, "the most frequent, else the first")
    order = np.argsort(start, kind="stable")
    settled = long.take(start[order])
    return Long(settled.row, settled.participant, settled.item, settled.dimension, mode[order])


def describe(
    key: Coded,
    columns: Mapping[str, tuple[str, Coded]],
    raw: RawTable,
    what: str,
    conflict: Conflict,
    log: IngestLog,
    *,
    missing_is_answer: bool = False,
) -> dict[str, np.ndarray]:
    """Return each column's one value per participant or item.

    Parameters
    ----------
    key : Coded
        Who or what each row is about; rows without are ignored.
    columns : mapping
        For each column of the table, its name in the file and its cells.
    raw : RawTable
        The file, for errors.
    what : str
        ``"participants"`` or ``"items"``.
    conflict : {'error', 'mode'}
        What to do where rows contradict each other.
    log : IngestLog
        Told how many were resolved.
    missing_is_answer : bool
        Whether no value counts as a value of its own, so that it can be the most frequent one.

    Returns
    -------
    dict
        For each column an array of object, one entry per distinct key, None where nothing is stated.
    """
    n = len(key.uniques)
    found: dict[str, np.ndarray] = {}
    for name, (column, cells) in columns.items():
        codes = np.where(cells.codes < 0, len(cells.uniques), cells.codes) if missing_is_answer else cells.codes
        rows = np.flatnonzero((key.codes >= 0) & (codes >= 0))
        mode, distinct, _ = modal(key.codes[rows], codes[rows], n)
        if (distinct > 1).any():
            if conflict == "error":
                start = np.full(n, len(raw))
                np.minimum.at(start, key.codes[rows], rows)
                row = int(rows[np.argmax(codes[rows] != codes[start[key.codes[rows]]])])
                earlier = int(start[key.codes[row]])
                raise raw.fault(
                    row,
                    column,
                    cells.uniques[codes[row]],
                    f"the same {what.removesuffix('s')} has {cells.uniques[codes[earlier]]!r} in row "
                    f"{raw.row(earlier)}; {_HINT}",
                )
            log.add(
                "resolved",
                f"{what} whose {name} differs between rows",
                int((distinct > 1).sum()),
                n,
                "the most frequent value, of equally frequent ones the first",
            )
        found[name] = pick(cells.uniques, np.where(mode < len(cells.uniques), mode, -1))
    return found


def order_of(long: Long, recorded: np.ndarray | None = None) -> np.ndarray:
    """Return each rating's position: the how-manieth item of its participant it is about.

    Parameters
    ----------
    long : Long
        Ratings.
    recorded : ndarray, shape (number of raw rows,), optional
        Sortable order of the raw rows (default: the rows themselves).
    """
    if not long.row.size:
        return long.row
    when = long.row if recorded is None else recorded[long.row]
    span = int(long.item.max()) + 1
    order = np.argsort(when, kind="stable")
    pairs, start = np.unique((long.participant * span + long.item)[order], return_index=True)
    rank = np.empty(pairs.size, dtype=np.int64)
    by_person = np.lexsort((start, pairs // span))
    person = (pairs // span)[by_person]
    rank[by_person] = np.arange(pairs.size) - np.searchsorted(person, person) + 1
    found: np.ndarray = rank[np.searchsorted(pairs, long.participant * span + long.item)]
    return found


def assemble(
    long: Long,
    position: np.ndarray,
    dimensions: list[str],
    participants: tuple[np.ndarray, Mapping[str, np.ndarray]],
    items: tuple[np.ndarray, Mapping[str, np.ndarray]],
    log: IngestLog,
) -> Ingested:
    """Return the three tables; people and items without any rating are dropped and counted.

    Parameters
    ----------
    long : Long
        Settled ratings.
    position : ndarray
        Their order.
    dimensions : list of str
        Names of the dimensions.
    participants, items : tuple of (ndarray, mapping)
        Ids, and the columns that describe them.
    log : IngestLog
        What happened so far.
    """
    names = np.array(dimensions, dtype=object)
    ratings = pd.DataFrame(
        {
            "participant_id": participants[0][long.participant],
            "item_id": items[0][long.item],
            "dimension": names[long.dimension],
            "rating": long.level.astype(np.int64),
            "position": position.astype(np.int64),
        }
    )
    people = _rated(participants, long.participant, "participant_id", log)
    things = _rated(items, long.item, "item_id", log)
    for name in ITEM_COLUMNS:
        if name not in things.columns:
            things[name] = things["item_id"] if name == "prompt_id" else None
        things[name] = things[name].astype(object)
    alone = things["prompt_id"].isna()  # an item without a prompt is its own prompt
    things["prompt_id"] = things["prompt_id"].where(~alone, things["item_id"])
    things = things[["item_id", *ITEM_COLUMNS]]
    return Ingested(RatingTables(ratings, things, complete_participants(people)), log)


def _rated(
    table: tuple[np.ndarray, Mapping[str, np.ndarray]], codes: np.ndarray, key: str, log: IngestLog
) -> pd.DataFrame:
    used = np.bincount(codes, minlength=len(table[0])) > 0
    if not used.all():
        what = key.removesuffix("_id") + "s"
        log.add("dropped", what, int((~used).sum()), used.size, "no rating of theirs is left")
    return pd.DataFrame({key: table[0][used], **{name: values[used] for name, values in table[1].items()}})
