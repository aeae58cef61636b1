"""The contrasts of an experiment: those that its config declares, and every condition against the base model."""

from __future__ import annotations

from dataclasses import dataclass

from plural_core.study.conditions_config import BASE
from plural_core.study.config import StudyConfig


@dataclass(frozen=True)
class Contrast:
    """A difference of two conditions' scores, first minus second.

    Parameters
    ----------
    experiment, name : str
        Which contrast of which experiment.
    first, second : str
        Conditions; ``base`` is the base model as it is.
    dimension : str or None
        Its primary dimension; None where it is not declared.
    primary : bool
        Whether Holm's adjustment covers its test on the primary dimension.
    label : str
        Its name for readers.
    """

    experiment: str
    name: str
    first: str
    second: str
    dimension: str | None
    primary: bool
    label: str


def study_contrasts(config: StudyConfig, experiment: str) -> list[Contrast]:
    """Return the contrasts of an experiment: the declared ones, then each condition against ``base``.

    A condition that a declared contrast sets against ``base`` already is not added again. The added ones are called
    ``<condition> - base``.
    """
    settings, labels = config.experiments[experiment], config.condition_labels
    declared = [
        Contrast(experiment, name, c.first, c.second, c.dimension, c.primary, c.label or name)
        for name, c in settings.contrasts.items()
    ]
    against_base = {c.first for c in declared if c.second == BASE}
    added = [
        Contrast(experiment, f"{name} - {BASE}", name, BASE, None, False, f"{labels[name]} - {labels[BASE]}")
        for name in settings.conditions
        if name not in against_base
    ]
    return declared + added
