"""From a study's ``judges`` to judges."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from plural_core.errors import DataError, nearest
from plural_core.evaluation.judges.base import Judge, JudgeError
from plural_core.evaluation.judges.classifier import ClassifierJudge
from plural_core.evaluation.judges.lexicon import LexiconJudge
from plural_core.evaluation.judges.openai import OpenAIJudge
from plural_core.evaluation.judges.rubric import Rubric
from plural_core.study import Study, StudyConfig
from plural_core.study.evaluation_config import JudgeConfig


def make_judges(
    study: Study | StudyConfig,
    *,
    ratings: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    splits: pd.DataFrame | None = None,
    only: Collection[str] | None = None,
) -> list[Judge]:
    """Return a study's judges in the config's order; nothing is loaded, and no server is asked.

    Parameters
    ----------
    study : Study or StudyConfig
        With a `Study`, a classifier's folder is looked up beside the config too.
    ratings, items, splits : DataFrame, optional
        Tables `ratings`, `items` and `prompt_splits`; a judge of kind `ratings_model` is fitted to them.
    only : collection of str, optional
        Names of the judges that are wanted (default: all).

    Raises
    ------
    JudgeError
        An unknown name, a dimension without a label or a judge without a dimension.
    DataError
        A judge is to be fitted to ratings, and the tables are not given.
    """
    config = study.config if isinstance(study, Study) else study
    beside = study.source.parent if isinstance(study, Study) and study.source is not None else None
    for name in only or ():
        if name not in config.judges:
            raise JudgeError(f"judges: there is no judge '{name}'.{nearest(name, config.judges)}")
    made: list[Judge] = []
    for name, section in config.judges.items():
        if only is None or name in only:
            made.append(_make(name, section, config, beside, (ratings, items, splits)))
    return made


def judged_dimensions(section: JudgeConfig, config: StudyConfig) -> list[str]:
    """Return the dimensions that a judge scores: its own, or else all that are evaluated, in the config's order.

    A classifier scores those only for which it has a label.
    """
    wanted = section.dimensions or config.scored_dimensions or list(config.dimensions)
    if section.kind == "classifier" and not section.dimensions:
        wanted = [name for name in wanted if name in section.labels]
    return [name for name in config.dimensions if name in wanted]


def _make(
    name: str,
    section: JudgeConfig,
    config: StudyConfig,
    beside: Path | None,
    tables: tuple[pd.DataFrame | None, pd.DataFrame | None, pd.DataFrame | None],
) -> Judge:
    dimensions = judged_dimensions(section, config)
    if not dimensions:
        raise JudgeError(f"judge '{name}': it scores no dimension that is evaluated; set its dimensions")
    if section.kind == "lexicon":
        return LexiconJudge.of(name, config, dimensions)
    if section.kind == "openai":
        return OpenAIJudge(name, section, {d: Rubric.of(d, config.dimensions[d]) for d in dimensions})
    if section.kind == "classifier":
        for dimension in dimensions:
            if dimension not in section.labels:
                raise JudgeError(f"judge '{name}': no label for '{dimension}'; add it to judges.{name}.labels")
        source = _found(section.model or "", beside)
        return ClassifierJudge(name, source, section.labels, batch=section.batch, dimensions=dimensions)
    ratings, items, splits = tables
    if ratings is None or items is None or splits is None:
        raise DataError(f"judge '{name}' is fitted to ratings; it needs tables ratings, items and prompt_splits")
    from plural_core.evaluation.judges.ratings_model import fit_ratings_judge

    return fit_ratings_judge(config, ratings, items, splits, name, dimensions)


def _found(model: str, beside: Path | None) -> str:
    """Return a folder that stands beside the config as a path, anything else as it is."""
    if beside is not None and not Path(model).is_absolute() and (beside / model).is_dir():
        return str(beside / model)
    return model
