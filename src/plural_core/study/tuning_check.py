"""Names that the tuning sections of a config use must be there; each fault is one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from plural_core.errors import nearest
from plural_core.study.conditions_config import BASE, check_names

if TYPE_CHECKING:
    from plural_core.study.config import StudyConfig


def check_tuning(config: StudyConfig) -> None:
    """Check conditions, experiments, evaluation and judges against each other and the study.

    Raises
    ------
    ValueError
        The first name that is not known, with the nearest known one.
    """
    check_names("conditions", list(config.conditions))
    check_names("experiments", list(config.experiments))
    check_names("judges", list(config.judges))
    check_names("models.hub", list(config.models.hub))
    if BASE in config.conditions:
        raise ValueError(f"conditions: '{BASE}' stands for the base model without a fine-tune; use another name")
    for name, condition in config.conditions.items():
        where = f"conditions.{name}"
        _known(f"{where}.dimensions", "dimension", condition.dimensions, config.dimensions)
        if condition.stratum is not None:
            _known(f"{where}.stratum.factor", "factor", [condition.stratum.factor], config.factors)
        for key, other in (("size", condition.size), ("budget.tokens_of", condition.budget.tokens_of)):
            if isinstance(other, str):
                _known(f"{where}.{key}", "condition", [other], config.conditions)
                if other == name:
                    raise ValueError(f"{where}.{key}: a condition cannot depend on itself")
    for name, experiment in config.experiments.items():
        where = f"experiments.{name}"
        _known(f"{where}.conditions", "condition", experiment.conditions, config.conditions)
        for label, contrast in experiment.contrasts.items():
            sides = [side for side in (contrast.first, contrast.second) if side != BASE]
            _known(f"{where}.contrasts.{label}", "condition of the experiment", sides, experiment.conditions)
            _known(f"{where}.contrasts.{label}.dimension", "dimension", [contrast.dimension], config.dimensions)
            _known(f"{where}.contrasts.{label}.published", "dimension", contrast.published, config.dimensions)
            if contrast.first == contrast.second:
                raise ValueError(f"{where}.contrasts.{label}: first and second are the same")
    _known("evaluation.dimensions", "dimension", config.evaluation.dimensions, config.dimensions)
    for name, judge in config.judges.items():
        _known(f"judges.{name}.dimensions", "dimension", judge.dimensions, config.dimensions)
        _known(f"judges.{name}.labels", "dimension", judge.labels, config.dimensions)
        if judge.kind == "lexicon" and not config.simulated:
            raise ValueError(f"judges.{name}: the lexicon knows simulated studies only; use ratings_model or openai")


def _known(where: str, kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    options = list(known)
    for name in names:
        if name not in options:
            raise ValueError(f"{where}: '{name}' is no {kind}.{nearest(name, options)}")
