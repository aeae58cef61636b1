"""What could not be pooled, in words."""

from __future__ import annotations

import pandas as pd

from plural_core.study import StudyConfig


def missing_lines(effects: pd.DataFrame, config: StudyConfig) -> list[str]:
    """Say what the pooled effects of a study lack.

    Parameters
    ----------
    effects : DataFrame
        Table ``effects``.
    config : StudyConfig
        Its experiments, families and judges.

    Returns
    -------
    list of str
        One line for every declared contrast that some or all families lack (and by which judge, where there are
        several), then one per experiment for prompts without a score on one side. Each begins with the experiment.
    """
    lines = []
    used = effects[effects["estimate"].notna()]
    for experiment, settings in config.experiments.items():
        for name, contrast in settings.contrasts.items():
            for judge, judged in config.judges.items():
                if judged.dimensions and contrast.dimension not in judged.dimensions:
                    continue
                part = used[
                    (used["experiment"] == experiment)
                    & (used["contrast"] == name)
                    & (used["dimension"] == contrast.dimension)
                    & (used["judge"] == judge)
                ]
                there = set(part["family"])
                gone = [family for family in config.models.families if family not in there]
                what = f"{experiment}, {name}" + (f" (judge {judge})" if len(config.judges) > 1 else "")
                if not there:
                    lines.append(f"{what}: no family has scores of both conditions, so nothing is pooled.")
                elif gone:
                    lines.append(f"{what}: pooled without {', '.join(gone)}, which have no scores of it.")
        lines += _prompts(used[used["experiment"] == experiment], experiment)
    return lines


def _prompts(effects: pd.DataFrame, experiment: str) -> list[str]:
    """Name the families whose effects rest on fewer prompts than others, or than were answered, at their worst."""
    if effects.empty:
        return []
    asked = int((effects["n_prompts"] + effects["n_unscorable"]).max())
    worst = effects.loc[effects.groupby("family", sort=False)["n_prompts"].idxmin()]
    found = [
        f"{row['family']} on {row['n_prompts']} of {asked} prompts ({row['contrast']})"
        for row in worst.to_dict("records")
        if row["n_prompts"] < asked
    ]
    if not found:
        return []
    return [f"{experiment}, prompts without a score on both sides are left out; fewest are left: {', '.join(found)}."]
