"""People as the dashboard may show them: groups of at least k, and shares of ratings within such groups.

Participants' ids and single ratings are read on the server only, and nothing that this module returns holds them.
"""

from __future__ import annotations

from collections.abc import Sequence

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


def slice_table(study: Study, people: ProtectedParticipants, dimension: str, factors: Sequence[str]) -> pd.DataFrame:
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
    names = list(dict.fromkeys(factors))
    cells = people.cells(*names)
    # A crossing may show coarser levels than its factors alone; those keep their order of first appearance.
    known = [list(dict.fromkeys([*people.levels[n], *sorted(set(cells[n]))])) for n in names]
    codes = np.zeros(len(cells), dtype=np.int64)
    for name, levels in zip(names, known, strict=True):
        codes = codes * len(levels) + pd.Index(levels).get_indexer(pd.Index(cells[name]))
    members = pd.DataFrame({"participant_id": cells["participant_id"].to_numpy(dtype=object), "cell": codes})
    by_person, by_item = (_counts(study, members, dimension, by) for by in ("participant_id", "item_id"))
    shares = slice_shares(by_person, by_item, people.k, study.config.agreement.level).sort_values("cell")
    cell = shares["cell"].to_numpy(dtype=np.int64)
    table = shares.drop(columns=["cell", "n_participants"]).reset_index(drop=True)
    table.insert(0, "n_participants", pd.Series(np.bincount(codes)[cell], dtype="Int64"))
    for levels, letter in reversed(list(zip(known, "ab", strict=False))):
        table.insert(0, f"level_{letter}", np.array(levels, dtype=object)[cell % len(levels)])
        cell = cell // len(levels)
    return table


def _counts(study: Study, members: pd.DataFrame, dimension: str, by: str) -> pd.DataFrame:
    """Return ratings, and ratings that agree, of each participant or item of each cell."""
    agree = study.config.dimensions[dimension].agree_level
    query = (
        f"SELECT m.cell AS cell, count(*) AS n, count(*) FILTER (r.rating >= ?) AS agree "
        f"FROM read_parquet(?) r JOIN members m ON r.participant_id = m.participant_id "
        f"WHERE r.dimension = ? GROUP BY m.cell, r.{by} ORDER BY m.cell"
    )
    values = [agree, str(study.table("ratings")), dimension]
    return store.run(study, "ratings", query, values, {"members": members})
