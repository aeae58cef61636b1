"""A study's runs to scores and effects: answers collected, judged, and set against each other."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from plural_core.evaluation.effects import effects_table
from plural_core.evaluation.judges.cache import JudgeCache
from plural_core.evaluation.judges.make import make_judges
from plural_core.evaluation.score import score_answers
from plural_core.preferences.sets import study_preferences
from plural_core.ratings.tables import RatingTables
from plural_core.study import Study
from plural_core.training.base import base_models_frame, ensure_base
from plural_core.training.record import DONE, RunRecord, records_frame, study_records
from plural_core.training.run import answers_of
from plural_core.training.trained import TrainingError


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What the evaluation of a study makes.

    Parameters
    ----------
    runs, generations, base_models, scores, effects : DataFrame
        The tables of these names.
    counts : DataFrame
        Per judge and dimension: answers, distinct texts, known before, asked now, scored, unscorable, failed.
    problems : tuple of RunRecord
        Runs without answers.
    notes : tuple of str
        Lines for readers: estimates and costs, what is missing and why.
    """

    runs: pd.DataFrame
    generations: pd.DataFrame
    base_models: pd.DataFrame
    scores: pd.DataFrame
    effects: pd.DataFrame
    counts: pd.DataFrame
    problems: tuple[RunRecord, ...]
    notes: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        names = ("runs", "generations", "base_models", "scores", "effects")
        return {name: getattr(self, name) for name in names}


def evaluate_study(study: Study, tables: RatingTables, *, progress: bool = True) -> Evaluation:
    """Collect the answers of all finished runs, let every judge score them, and compare conditions.

    Judges are asked only about what the study's cache of judgements does not hold.

    Parameters
    ----------
    study : Study
        The study; its runs are done, skipped, failed or missing.
    tables : RatingTables
        Its tables, for a judge that is fitted to ratings.
    progress : bool
        Show progress on standard error.

    Raises
    ------
    TrainingError
        No run has any answers.
    """
    config = study.config
    records = study_records(study)
    answers = answers_of(study, records)
    if answers.empty:
        raise TrainingError("no run has any answers, so there is nothing to evaluate; see plural status")
    prompts = study_preferences(study, tables).prompts
    judges = make_judges(study, ratings=tables.ratings, items=tables.items, splits=prompts)
    with JudgeCache.of(study.root) as cache:
        scored = score_answers(judges, answers, prompts, config.scored_dimensions, cache, config, progress=progress)
    runs = records_frame(study, records)
    effects = effects_table(scored.table, runs, config)
    return Evaluation(
        runs=runs,
        generations=answers,
        base_models=base_models_frame([ensure_base(study, family) for family in config.models.families]),
        scores=scored.table,
        effects=effects.table,
        counts=scored.counts,
        problems=tuple(record for record in records if record.status != DONE),
        notes=(*scored.notes, *effects.notes),
    )
