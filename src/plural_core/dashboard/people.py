"""People as the dashboard may show them: groups of at least k, and shares of ratings within such groups.

Participants' ids and single ratings are read on the server only, and nothing that this module returns holds them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from plural_core.dashboard import store
from plural_core.demographics.slices import slice_shares
from plural_core.io import read_table
from plural_core.ratings.privacy import ProtectedParticipants, protect
from plural_core.study import Study


def shown_people(study: Study) -> ProtectedParticipants:
    """Return the participants of a study with small groups merged, by the config as it is now.

    Raises
    ------
    DataError
        The participants' table is missing or damaged.
    """
    if not study.table("participants").is_file():
        raise store.TableMissing(study, "participants")
    privacy = study.config.privacy
    return protect(read_table(study.table("participants")), study.config.factors, privacy.k, enabled=privacy.enabled)


def offered_slices(people: ProtectedParticipants) -> list[tuple[str, ...]]:
    """Return every slice that may be looked at: each factor alone, and the pairs that may be crossed."""
    return [*((f,) for f in people.factors), *people.pairs]


Cells = tuple[np.ndarray, list[list[str]]]
"""Each participant's cell, and the levels of each factor that cells are numbered by."""


def slice_table(
    study: Study,
    people: ProtectedParticipants,
    dimension: str,
    factors: Sequence[str],
    cells: Cells | None = None,
) -> pd.DataFrame:
    """Return the share of ratings that agree with a dimension in each cell of one or two factors.

    Parameters
    ----------
    study : Study
        The study.
    people : ProtectedParticipants
        Its participants, small groups merged.
    dimension : str
        The dimension.
    factors : sequence of str
        One or two factors that may be shown together.
    cells : tuple, optional
        From `slice_cells`, where it is at hand.

    Returns
    -------
    DataFrame
        level_a (and level_b), n_participants, n_ratings, share, std_error, ci_low, ci_high, note; cells in the
        factors' reading order. n_participants counts the people of the cell.

    Raises
    ------
    PrivacyError
        The slice would show fewer than k people.
    DataError
        The ratings are missing or damaged.
    """
    codes, known = slice_cells(people, factors) if cells is None else cells
    counts = _counts(coded_ratings(study), codes, study.config.dimensions[dimension].agree_level, dimension)
    shares = slice_shares(*counts, k=people.k, level=study.config.agreement.level).sort_values("cell")
    cell = shares["cell"].to_numpy(dtype=np.int64)
    table = shares.drop(columns=["cell", "n_participants"]).reset_index(drop=True)
    table.insert(0, "n_participants", pd.Series(np.bincount(codes)[cell], dtype="Int64"))
    for levels, letter in reversed(list(zip(known, "ab", strict=False))):
        table.insert(0, f"level_{letter}", np.array(levels, dtype=object)[cell % len(levels)])
        cell = cell // len(levels)
    return table


def slice_cells(people: ProtectedParticipants, factors: Sequence[str]) -> Cells:
    """Return the cell of each participant in the crossing of one or two factors.

    Raises
    ------
    PrivacyError
        The slice would show fewer than k people.
    """
    names = list(dict.fromkeys(factors))
    cells = people.cells(*names)
    # A crossing may show coarser levels than its factors alone; those stand behind them.
    known = [list(dict.fromkeys([*people.levels[n], *sorted(set(cells[n]))])) for n in names]
    codes = np.zeros(len(cells), dtype=np.int64)
    for name, levels in zip(names, known, strict=True):
        codes = codes * len(levels) + pd.Index(levels).get_indexer(pd.Index(cells[name]))
    return codes, known


@dataclass(frozen=True, eq=False)
class CodedRatings:
    """All ratings of a study as numbers, for counting on the server; rows of people as in the participants' table.

    Parameters
    ----------
    participant, item : ndarray of int
        Rows of participants; numbers of items.
    rating : ndarray of int
        Level number.
    of : dict of str to ndarray of int
        For each dimension, its ratings.
    """

    participant: np.ndarray
    item: np.ndarray
    rating: np.ndarray
    of: dict[str, np.ndarray]


def coded_ratings(study: Study) -> CodedRatings:
    """Return a study's ratings as numbers, kept until a file changes.

    Raises
    ------
    DataError
        The ratings are missing or damaged.
    """
    files = tuple(store.signature(study, name) for name in ("ratings", "participants"))
    key = (str(study.root), files)
    with _coding:
        if key not in _coded:
            made = _code(study)
            while len(_coded) >= MOST_CODED:
                _coded.pop(next(iter(_coded)))
            _coded[key] = made
        return _coded[key]


MOST_CODED = 6
"""Studies whose coded ratings are kept; one million ratings take 12 MB."""
_coded: dict[tuple[str, tuple[tuple[int, int], ...]], CodedRatings] = {}
_coding = threading.Lock()


def _code(study: Study) -> CodedRatings:
    ids = read_table(study.table("participants"))["participant_id"]
    people = pd.DataFrame({"id": ids, "number": np.arange(len(ids), dtype=np.int32)})
    names = list(study.config.dimensions)
    dimensions = pd.DataFrame({"id": names, "number": np.arange(len(names), dtype=np.int32)})
    query = (
        "SELECT p.number AS participant, dense_rank() OVER (ORDER BY r.item_id) - 1 AS item, d.number AS dimension, "
        "r.rating AS rating FROM read_parquet(?) r JOIN people p ON r.participant_id = p.id "
        "JOIN dimensions d ON r.dimension = d.id"
    )
    frames = {"people": people, "dimensions": dimensions}
    rows = store.run(study, "ratings", query, [str(study.table("ratings"))], frames)
    dimension = rows["dimension"].to_numpy()
    return CodedRatings(
        rows["participant"].to_numpy(dtype=np.int32),
        rows["item"].to_numpy(dtype=np.int32),
        rows["rating"].to_numpy(dtype=np.int16),
        {name: np.flatnonzero(dimension == number).astype(np.int32) for number, name in enumerate(names)},
    )


def _counts(
    coded: CodedRatings, cell_of: np.ndarray, agree_from: int, dimension: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return cell, n and agree for each participant, and for each item, of each cell."""
    rows = coded.of[dimension]
    participant, item = coded.participant[rows], coded.item[rows]
    agree = coded.rating[rows] >= agree_from
    cell = cell_of[participant]
    found = []
    for who in (participant, item):
        width = int(who.max(initial=0)) + 1
        key = cell * width + who
        size = (int(cell.max(initial=0)) + 1) * width
        n = np.bincount(key, minlength=size)
        there = np.flatnonzero(n)
        yes = np.bincount(key[agree], minlength=size)
        found.append(pd.DataFrame({"cell": there // width, "n": n[there], "agree": yes[there]}))
    return found[0], found[1]
