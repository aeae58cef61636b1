"""A study's effects to its pooled tables: the step between the evaluation and the notebooks that pool."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from plural_core.agreement.frames import table_of
from plural_core.evaluation.effects import effects_table
from plural_core.io import read_table, write_table
from plural_core.manifest import now, write_manifest
from plural_core.pooling.dependence import joint_effects, prompt_rows, ratio_rows
from plural_core.pooling.equivalence import equivalence_table
from plural_core.pooling.gaps import missing_lines
from plural_core.pooling.left_out import leave_one_out_table
from plural_core.pooling.matrix import score_matrix
from plural_core.pooling.pool import pooled_table
from plural_core.pooling.replicates import with_raters
from plural_core.ratings.schemas import check_table
from plural_core.study import Study, StudyConfig

SECTIONS = ("study", "seed", "conditions", "experiments", "models", "judges", "pooling")


@dataclass(frozen=True, eq=False)
class PooledTables:
    """What pooling makes; every frame is the table of its name.

    Parameters
    ----------
    pooled, pooled_prompts, pooled_raters, ratios, equivalence, leave_one_out : DataFrame
        See ``docs/tables.md``.
    notes : tuple of str
        What is missing, one line each.
    """

    pooled: pd.DataFrame
    pooled_prompts: pd.DataFrame
    pooled_raters: pd.DataFrame
    ratios: pd.DataFrame
    equivalence: pd.DataFrame
    leave_one_out: pd.DataFrame
    notes: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        names = ("pooled", "pooled_prompts", "pooled_raters", "ratios", "equivalence", "leave_one_out")
        return {name: getattr(self, name) for name in names}


def pool_scores(effects: pd.DataFrame, scores: pd.DataFrame, runs: pd.DataFrame, config: StudyConfig) -> PooledTables:
    """Pool a study's effects over its families.

    Parameters
    ----------
    effects, scores, runs : DataFrame
        The study's tables.
    config : StudyConfig
        Experiments, families, judges, and how to pool.
    """
    pooled = pooled_table(effects, config)
    settings = config.pooling
    prompt, ratio = [], []
    for judge in config.judges:
        for dimension in config.scored_dimensions:
            matrix = score_matrix(scores, runs, judge, dimension, config.models.families)
            for experiment in config.experiments:
                joint = joint_effects(matrix, config, experiment)
                prompt += prompt_rows(joint, pooled, (dimension, judge), settings.level)
                ratio += ratio_rows(joint, pooled, (dimension, judge), settings.level)
    return PooledTables(
        pooled,
        table_of(prompt, "pooled_prompts"),
        _raters(pooled, scores, runs, config),
        table_of(ratio, "ratios"),
        equivalence_table(pooled, config),
        leave_one_out_table(effects, config),
        tuple(missing_lines(effects, config)),
    )


def build_pooled(study: Study) -> PooledTables:
    """Pool a study and write the tables.

    Raises
    ------
    DataError
        A table of the evaluation is missing or damaged.
    """
    started = now()
    inputs = [study.table(name) for name in ("effects", "scores", "runs")]
    effects, scores, runs = (read_table(path) for path in inputs)
    made = pool_scores(effects, scores, runs, study.config)
    for name, table in made.tables().items():
        path = study.table(name)
        write_table(check_table(table, name, "pool"), path)
        write_manifest(study, path, step="pool", sections=SECTIONS, inputs=inputs, started=started)
    return made


def _raters(pooled: pd.DataFrame, scores: pd.DataFrame, runs: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    settings = config.pooling
    own = pooled[(pooled["method"] == settings.method) & (pooled["test"] == settings.test)]
    if settings.replicates < 2:
        return table_of([], "pooled_raters")
    replicates = []
    for number in range(1, settings.replicates + 1):
        again = pooled_table(effects_table(scores, runs, config, replicate=number).table, config)
        replicates.append(again[(again["method"] == settings.method) & (again["test"] == settings.test)])
    return with_raters(own, replicates, settings.level)
