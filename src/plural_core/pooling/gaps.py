"""What could not be pooled, in words."""

from __future__ import annotations

import pandas as pd

from plural_core.study import StudyConfig


def missing_lines(effects: pd.DataFrame, config: StudyConfig) -> list[str]:
    """Return one line for every declared contrast that some or all families lack."""
    lines = []
    for experiment, settings in config.experiments.items():
        for name, contrast in settings.contrasts.items():
            part = effects[
                (effects["experiment"] == experiment)
                & (effects["contrast"] == name)
                & (effects["dimension"] == contrast.dimension)
                & effects["estimate"].notna()
            ]
            there = set(part["family"])
            gone = [family for family in config.models.families if family not in there]
            if not there:
                lines.append(f"{experiment}, {name}: no family has scores of both conditions, so nothing is pooled.")
            elif gone:
                lines.append(f"{experiment}, {name}: pooled without {', '.join(gone)}, which have no scores of it.")
    return lines
