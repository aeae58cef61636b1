"""The study's model, one per dimension: rating ~ factors + (1 | participant) + (1 | item).

The paper's equation (1): a cumulative link mixed model with crossed random intercepts for participant and item.
"""

from __future__ import annotations

import pandas as pd

from plural_core.errors import DataError
from plural_core.ordinal import CLMMResult, clmm
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig


def study_factors(config: StudyConfig, participants: pd.DataFrame) -> dict[str, list[str]]:
    """Return for each factor that can be compared its levels, the reference level first.

    Parameters
    ----------
    config : StudyConfig
        Names the factors, their order of levels and their reference levels.
    participants : DataFrame
        Participants as they may be shown (small groups merged); missing = not stated.

    Returns
    -------
    dict
        Factors with at least two levels among the participants. A reference level that was merged away gives
        way to the level that took it in, or else to the first.
    """
    found: dict[str, list[str]] = {}
    for name, factor in config.factors.items():
        if name not in participants.columns:
            continue
        present = [str(v) for v in participants[name].dropna().unique()]
        order = {level: i for i, level in enumerate(factor.levels or [])}
        levels = sorted(present, key=lambda v: (order.get(v, len(order)), v))
        if len(levels) < 2:
            continue
        reference = factor.reference or levels[0]
        if reference not in levels:
            reference = next((v for v in levels if reference in v), levels[0])
        found[name] = [reference, *(v for v in levels if v != reference)]
    return found


def study_formula(factors: list[str]) -> str:
    """Return the study's formula over the given factors."""
    fixed = " + ".join(factors) if factors else "1"
    return f"rating ~ {fixed} + (1 | participant) + (1 | item)"


def model_frame(
    tables: RatingTables, participants: pd.DataFrame, config: StudyConfig, dimension: str
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Return one row per rating of a dimension with the factors of its participant, and the factors' levels.

    Parameters
    ----------
    tables : RatingTables
        The study's tables.
    participants : DataFrame
        Participants as they may be shown.
    config : StudyConfig
        The study's config.
    dimension : str
        The dimension.
    """
    ratings = tables.ratings[tables.ratings["dimension"] == dimension]
    factors = study_factors(config, participants)
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
    tables: RatingTables, participants: pd.DataFrame, config: StudyConfig, *, penalty: str | None = None
) -> dict[str, CLMMResult]:
    """Fit the study's model to every dimension.

    Parameters
    ----------
    tables : RatingTables
        The study's tables.
    participants : DataFrame
        Participants as they may be shown; those who did not state a factor are dropped from the fit and counted.
    config : StudyConfig
        The study's config.
    penalty : str, optional
        ``"weak"`` for a weak penalty where levels separate.

    Returns
    -------
    dict
        The fit of each dimension, in the config's order.

    Raises
    ------
    DataError
        No factor has two levels, or a dimension cannot be fitted: its own reason.
    """
    fits: dict[str, CLMMResult] = {}
    for dimension in config.dimensions:
        frame, factors = model_frame(tables, participants, config, dimension)
        if not factors:
            raise DataError("no factor has two levels with enough participants: there is nothing to compare")
        try:
            fits[dimension] = clmm(study_formula(list(factors)), frame, penalty=penalty)
        except ValueError as error:
            raise DataError(f"dimension '{dimension}': {error}") from error
    return fits
