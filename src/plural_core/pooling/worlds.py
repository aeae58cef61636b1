"""What a simulated world lets an experiment find."""

from __future__ import annotations

from plural_core.study import StudyConfig
from plural_core.study.conditions_config import BASE

WITHIN, NULL = "within_prompt", "null"


def world_note(config: StudyConfig, experiment: str) -> str:
    """Say what a simulated world lets contrasts of groups of raters find; empty where there is no more to say.

    Parameters
    ----------
    config : StudyConfig
        The world, and how each condition's ratings become pairs.
    experiment : str
        Its name.
    """
    simulation = config.simulation
    contrasts = config.experiments[experiment].contrasts.values()
    sides = [
        (config.conditions[c.first], config.conditions[c.second]) for c in contrasts if BASE not in (c.first, c.second)
    ]
    groups = [pair for pair in sides if all(side.stratum is not None for side in pair)]
    own = (simulation.shifts, simulation.slopes) if simulation is not None else ()
    if simulation is None or not config.simulated or not groups or any(own) or simulation.world == "paper":
        return ""
    if simulation.world == NULL:
        return (
            "In this simulated world groups of raters do not differ, so what is found between them is chance, or "
            "comes from different numbers of pairs."
        )
    if not all(side.pairing == WITHIN for pair in groups for side in pair):
        return ""
    return (
        "In this simulated world groups differ by a shift alone: all ratings of a group are higher or lower by the "
        "same amount. Pairs within a prompt compare ratings that a group gave to two answers, so the shift stands on "
        "both sides and cancels: no difference between groups is to be expected, beyond chance and what different "
        "numbers of pairs do. Pairs against an anchor do not cancel it."
    )
