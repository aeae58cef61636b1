"""The conditions that a config declares, as the conditions that preference sets are built from."""

from __future__ import annotations

from plural_core.preferences.condition import Budget, Condition, Stratum
from plural_core.study import StudyConfig
from plural_core.study.conditions_config import ConditionConfig


def declared_conditions(config: StudyConfig) -> list[Condition]:
    """Return the conditions that some experiment wants, and those that they take their size or tokens from.

    Raises
    ------
    ConfigError
        A value that a condition does not allow.
    """
    wanted = dict.fromkeys(config.tuned_conditions)
    for name in list(wanted):
        settings = config.conditions[name]
        for other in (settings.size, settings.budget.tokens_of):
            if isinstance(other, str):
                wanted.setdefault(other)
    return [declared_condition(name, config.conditions[name], config.seed) for name in wanted]


def declared_condition(name: str, settings: ConditionConfig, seed: int) -> Condition:
    """Return one condition; `seed` is the study's, for a condition without its own."""
    stratum = settings.stratum
    budget = settings.budget
    if budget.tokens_of is not None:
        told = Budget("tokens", like=budget.tokens_of)
    elif budget.steps is not None:
        told = Budget("steps", budget.steps)
    else:
        told = Budget("passes", budget.passes or 1)
    return Condition(
        name,
        tuple(settings.dimensions),
        algorithm=settings.algorithm,
        scale=settings.scale,
        aggregation=settings.aggregation,
        stratum=None if stratum is None else Stratum(stratum.factor, tuple(stratum.among), stratum.level),
        pairing=settings.pairing,
        size=settings.size,
        budget=told,
        seed=seed if settings.seed is None else settings.seed,
        ties=settings.ties,
        pick=settings.pick,
    )
