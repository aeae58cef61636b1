"""A study's judges held against the people who rated: every table of the validation at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from plural_core.agreement.frames import table_of
from plural_core.errors import PluralError
from plural_core.evaluation.calibration import calibration_tables
from plural_core.evaluation.judge_fit import fit_table
from plural_core.evaluation.judged import judge_items, judged_items, validation_items
from plural_core.evaluation.judges.base import Judge, JudgeError
from plural_core.evaluation.judges.cache import JudgeCache
from plural_core.evaluation.judges.cached import CachedJudge
from plural_core.evaluation.judges.make import make_judges
from plural_core.evaluation.judges.ratings_model import RatingsModelJudge
from plural_core.evaluation.validation import agreement_table
from plural_core.evaluation.validation_groups import group_tables
from plural_core.preferences.sets import study_preferences
from plural_core.ratings.privacy import ProtectedParticipants
from plural_core.ratings.tables import RatingTables
from plural_core.study import Study


@dataclass(frozen=True, eq=False)
class JudgeValidation:
    """What the validation of judges makes; every frame is the table of its name.

    Parameters
    ----------
    judge_items, judge_agreement, judge_fit, judge_calibration, judge_calibration_summary, judge_groups, \
judge_group_contrasts : DataFrame
        See ``docs/tables.md``.
    notes : tuple of str
        Estimates and costs, and judges that could not be asked.
    """

    judge_items: pd.DataFrame
    judge_agreement: pd.DataFrame
    judge_fit: pd.DataFrame
    judge_calibration: pd.DataFrame
    judge_calibration_summary: pd.DataFrame
    judge_groups: pd.DataFrame
    judge_group_contrasts: pd.DataFrame
    notes: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        return {name: getattr(self, name) for name in list(self.__dataclass_fields__) if name != "notes"}


def validate_judges(
    study: Study, tables: RatingTables, people: ProtectedParticipants, rng: np.random.Generator
) -> JudgeValidation:
    """Let every judge score texts that people rated, and compare.

    Parameters
    ----------
    study : Study
        Its judges and dimensions.
    tables : RatingTables
        Ratings and texts.
    people : ProtectedParticipants
        The only view of people that may be shown.
    rng : Generator
        For the bootstrap over items.
    """
    config = study.config
    prompts = study_preferences(study, tables).prompts
    draws, level = config.agreement.bootstrap, config.agreement.level
    scores: list[pd.DataFrame] = []
    fits: list[pd.DataFrame] = []
    notes: list[str] = []
    with JudgeCache.of(study.root) as cache:
        for judge in _made(study, tables, prompts, notes):
            asked = CachedJudge(judge, cache)
            items = validation_items(config, tables, prompts, judge.name)
            dimensions = [d for d in judge.dimensions if d in config.scored_dimensions]
            try:
                scores.append(judge_items(asked, items, tables.ratings, dimensions))
                if isinstance(judge, RatingsModelJudge):
                    notes += list(judge.skipped.values())
                    fits.append(fit_table(judge, config, draws=draws, rng=rng, level=level))
            except JudgeError as error:
                notes.append(f"judge '{judge.name}' could not be validated: {error}")
            notes += asked.notes
        notes += cache.notes
    scored = pd.concat(scores, ignore_index=True) if scores else table_of([], "judge_items")
    judged = judged_items(scored, tables, config)
    calibrated = calibration_tables(judged, draws=draws, rng=rng, level=level)
    groups = group_tables(judged, tables, config, people, draws=draws, rng=rng, level=level)
    return JudgeValidation(
        judge_items=scored,
        judge_agreement=agreement_table(judged, draws=draws, rng=rng, level=level),
        judge_fit=pd.concat(fits, ignore_index=True) if fits else table_of([], "judge_fit"),
        judge_calibration=calibrated[0],
        judge_calibration_summary=calibrated[1],
        judge_groups=groups[0],
        judge_group_contrasts=groups[1],
        notes=tuple(notes),
    )


def _made(study: Study, tables: RatingTables, prompts: pd.DataFrame, notes: list[str]) -> list[Judge]:
    """Return the judges that can be made; for the others there is a note."""
    found: list[Judge] = []
    for name in study.config.judges:
        try:
            found += make_judges(study, ratings=tables.ratings, items=tables.items, splits=prompts, only=[name])
        except PluralError as error:
            notes.append(f"judge '{name}' could not be made: {error}")
    return found
