"""Who rated, in the groups that may be shown; and the adapter's log without small numbers of people."""

from __future__ import annotations

import pandas as pd

from plural_core.ratings.privacy import ProtectedParticipants


def group_shares(people: ProtectedParticipants) -> pd.DataFrame:
    """Return the number and share of participants in each shown level of each offered factor.

    Parameters
    ----------
    people : ProtectedParticipants
        Participants with small groups merged.

    Returns
    -------
    DataFrame
        Columns factor, level, n, share (0 to 1), in reading order.
    """
    total = len(people.participants)
    rows = []
    for factor in people.factors:
        counts = people.participants[factor].value_counts()
        rows += [(factor, level, int(counts[level]), counts[level] / total) for level in people.levels[factor]]
    return pd.DataFrame(rows, columns=["factor", "level", "n", "share"])


def shown_ingest(ingest: pd.DataFrame, k: int) -> pd.DataFrame:
    """Return the adapter's log for readers: small numbers of people, or of their answers, only as "fewer than k".

    Parameters
    ----------
    ingest : DataFrame
        The ``ingest`` table.
    k : int
        Smallest number of people that may be shown; 1 where suppression is off.

    Returns
    -------
    DataFrame
        Columns action, what, count (in words), note.
    """
    counts = []
    for what, n, of in zip(ingest["what"], ingest["n"], ingest["of"], strict=True):
        total = "" if pd.isna(of) else f" of {int(of):,}"
        about_people = any(word in what for word in ("participant", "rater", "answers", "people", "ages"))
        rest = n if pd.isna(of) else int(of) - n
        if about_people and (0 < n < k or 0 < rest < k):
            counts.append(f"fewer than {k}{total}" if n < k else f"all but fewer than {k}{total}")
        else:
            counts.append(f"{n:,}{total}")
    shown = ingest[["action", "what"]].assign(count=counts, note=ingest["note"])
    return shown.reset_index(drop=True)
