"""The last look at a table before it is shown: no ids, no group that may not be told, no count of fewer than k people.

Result tables are made under suppression already. This guard holds where they are older than the config (another k,
other factors), or were made by something else: it checks them against the people as they may be shown now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from plural_core.demographics.fit import shown_factors
from plural_core.errors import DataError, PrivacyError
from plural_core.ratings.privacy import ProtectedParticipants
from plural_core.study import Study

FORBIDDEN = frozenset({"participant_id", "participant", "passed_attention", "position"})
PEOPLE = ("n_participants", "n_available", "smallest")
"""Columns that count people."""
EVERYBODY = "all"


@dataclass(frozen=True)
class Guarded:
    """Rows that may be shown, and how many may not."""

    table: pd.DataFrame
    withheld: int


def model_terms(factors: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Return the names of the model terms of the levels of factors (from ``demographics.shown_factors``)."""
    return frozenset(factor + level for factor, levels in factors.items() for level in levels)


def guard(
    table: pd.DataFrame, people: ProtectedParticipants, study: Study, terms: frozenset[str] | None = None
) -> Guarded:
    """Return the rows of a table that name only groups that may be shown now, small counts of people blanked.

    Parameters
    ----------
    table : DataFrame
        Rows of a result table.
    people : ProtectedParticipants
        The study's participants under the config's present suppression.
    study : Study
        Names the factors of model terms.
    terms : frozenset of str, optional
        From `model_terms`, where they are at hand.

    Raises
    ------
    PrivacyError
        The table has a column of single people.
    """
    forbidden = FORBIDDEN & set(table.columns)
    if forbidden:
        raise PrivacyError(f"column '{sorted(forbidden)[0]}' is about single people and is not shown")
    known = {name: set(levels) for name, levels in people.levels.items()}
    keep = pd.Series(True, index=table.index)
    if "factor" in table:
        factors = table["factor"].astype(str)
        whole = factors == EVERYBODY
        keep &= whole | factors.isin(list(known))
        for column in ("level", "level_a", "level_b", "reference"):
            if column in table:
                levels = table[column].astype(str)
                fine = [v == EVERYBODY or v in known.get(f, ()) for f, v in zip(factors, levels, strict=True)]
                keep &= whole | pd.Series(fine, index=table.index)
    if any(c in table for c in ("term", "term_a", "term_b")):
        known_terms = model_terms(shown_factors(people, study.config)) if terms is None else terms
        for column in ("term", "term_a", "term_b"):
            if column in table:
                keep &= table[column].isin(known_terms) | ~table[column].str.startswith(tuple(study.config.factors))
    shown = table[keep].copy()
    for column in PEOPLE:
        if column in shown:
            n = shown[column].astype("Int64")
            small = ((n > 0) & (n < people.k)).fillna(False).to_numpy(dtype=bool)
            shown[column] = n.mask(small)
    return Guarded(shown.reset_index(drop=True), int((~keep).sum()))


def is_current(levels: pd.DataFrame | None, people: ProtectedParticipants) -> bool:
    """Return whether a study's results were made under the suppression that its config asks for now.

    Parameters
    ----------
    levels : DataFrame or None
        Table ``levels`` (what each level was shown as when the notebooks ran), None where it cannot be read.
    people : ProtectedParticipants
        The participants under the present config.
    """
    if levels is None:
        return False
    try:
        ours, theirs = (
            {(str(f), str(v)): str(s) for f, v, s in zip(t["factor"], t["level"], t["shown_as"], strict=True)}
            for t in (people.merges, levels)
        )
    except (KeyError, DataError):
        return False
    return ours == theirs
