"""The study's model, one per dimension: rating ~ factors + (1 | participant) + (1 | item).

The paper's equation (1): a cumulative link mixed model with crossed random intercepts for participant and item.
"""

from __future__ import annotations

import pandas as pd

from plural_core.ordinal import CLMMResult, clmm
from plural_core.ratings.privacy import NOT_STATED, ProtectedParticipants
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig

NOTHING_TO_COMPARE = "no factor has two groups that may be shown, so there is nothing to compare"


def shown_factors(people: ProtectedParticipants, config: StudyConfig) -> dict[str, list[str]]:
    """Return for each factor that can be compared its shown levels, the reference level first.

    Parameters
    ----------
    people : ProtectedParticipants
        Participants with small groups merged.
    config : StudyConfig
        Names the reference levels. One that was merged away gives way to the level that took it in.

    Returns
    -------
    dict
        Factors with at least two levels, "not stated" left out.
    """
    found: dict[str, list[str]] = {}
    for name in config.factors:
        levels = [v for v in people.levels.get(name, ()) if v != NOT_STATED]
        if len(levels) < 2:
            continue
        wanted = config.factors[name].reference
        shown = people.shown(name, wanted) if wanted is not None else None
        reference = shown if shown in levels else levels[0]
        found[name] = [reference, *(v for v in levels if v != reference)]
    return found


def study_formula(factors: list[str]) -> str:
    """Return the study's formula over the given factors."""
    fixed = " + ".join(factors) if factors else "1"
    return f"rating ~ {fixed} + (1 | participant) + (1 | item)"


def model_frame(
    tables: RatingTables, people: ProtectedParticipants, config: StudyConfig, dimension: str
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Return one row per rating of a dimension with the factors of its participant, and the factors' levels.

    Parameters
    ----------
    tables : RatingTables
        The study's tables.
    people : ProtectedParticipants
        Participants with small groups merged; who did not state a factor has a missing value there.
    config : StudyConfig
        The study's config.
    dimension : str
        The dimension.
    """
    ratings = tables.ratings[tables.ratings["dimension"] == dimension]
    factors = shown_factors(people, config)
    participants = people.participants
    row = pd.Index(participants["participant_id"]).get_indexer(ratings["participant_id"])
    levels = range(1, config.dimensions[dimension].levels + 1)
    frame = pd.DataFrame(
        {
            "rating": pd.Categorical(ratings["rating"], categories=list(levels), ordered=True),
            "participant": ratings["participant_id"].to_numpy(),
            "item": ratings["item_id"].to_numpy(),
        }
    )
    for name, names in factors.items():
        frame[name] = pd.Categorical(participants[name].to_numpy(dtype=object)[row], categories=names)
    return frame, factors


def fit_dimensions(
    tables: RatingTables, people: ProtectedParticipants, config: StudyConfig, *, penalty: str | None = None
) -> tuple[dict[str, CLMMResult], dict[str, str]]:
    """Fit the study's model to every dimension.

    Parameters
    ----------
    tables : RatingTables
        The study's tables.
    people : ProtectedParticipants
        Participants with small groups merged; those who did not state a factor are dropped from the fit and counted.
    config : StudyConfig
        The study's config.
    penalty : str, optional
        ``"weak"`` for a weak penalty where levels separate.

    Returns
    -------
    fits : dict
        The fit of each dimension that can be fitted, in the config's order; none where no factor has two levels.
    failed : dict
        For each other dimension, why it cannot be fitted.
    """
    fits: dict[str, CLMMResult] = {}
    failed: dict[str, str] = {}
    for dimension in config.dimensions:
        frame, factors = model_frame(tables, people, config, dimension)
        if not factors:
            failed[dimension] = NOTHING_TO_COMPARE
            continue
        try:
            fits[dimension] = clmm(study_formula(list(factors)), frame, penalty=penalty)
        except ValueError as error:
            failed[dimension] = str(error)
    return fits, failed
