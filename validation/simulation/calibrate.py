"""Verify the simulated world: ``python validation/simulation/calibrate.py`` writes ``calibration.md`` beside it.

Forty seeds of the default world against the targets, the same under translated items, and what each world makes of
the groups. Takes about a minute on one core; exits with 1 where a target is missed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from measures import TARGETS, config, over_seeds, summary

from plural_core.simulation import simulate

SEEDS = range(1, 41)
CONTRASTS = (
    ("toxicity", "gender", "male", "female"),
    ("stereotypical_bias", "gender", "male", "female"),
    ("emotional_awareness", "political", "conservative", "liberal"),
    ("emotional_awareness", "ethnicity", "Black", "White"),
    ("sensitivity", "ethnicity", "Black", "White"),
    ("helpfulness", "age_band", "51-60", "18-30"),
    ("toxicity", "political", "conservative", "liberal"),
    ("helpfulness", "gender", "male", "female"),
)
HEAD = """\
# Calibration of the simulated world

Made by `python validation/simulation/calibrate.py`; how the values were found stands in `solve.py`. Mean, standard
deviation and standard error of the mean over seeds {first} to {last}, each a whole study of 1,095 participants.
"""


def target_table(table: pd.DataFrame) -> tuple[list[str], bool]:
    """Return the table of targets in Markdown and whether all are met."""
    found = summary(table)
    lines = ["| quantity | target | mean | sd | se | met |", "| --- | --- | --- | --- | --- | --- |"]
    met = True
    for name, (target, within) in TARGETS.items():
        mean, sd, se = found.loc[name, ["mean", "std", "se"]]
        ok = abs(mean - target) <= within
        met &= bool(ok)
        lines.append(
            f"| {name} | {target} ± {within} | {mean:.3f} | {sd:.3f} | {se:.3f} | {'yes' if ok else '**no**'} |"
        )
    return lines, met


def further_table(table: pd.DataFrame) -> list[str]:
    """Return everything measured that has no target."""
    found = summary(table)
    lines = ["| quantity | mean | sd | se |", "| --- | --- | --- | --- |"]
    for name in found.index.difference(list(TARGETS), sort=False):
        mean, sd, se = found.loc[name, ["mean", "std", "se"]]
        lines.append(f"| {name} | {mean:.3f} | {sd:.3f} | {se:.3f} |")
    return lines


def group_differences(world: str) -> pd.DataFrame:
    """Return per seed and contrast: difference of mean ratings, and ratio of the slopes on the items' content."""
    rows = []
    for seed in SEEDS:
        study = simulate(config(seed, world=world))
        content = study.truth["truth_items"].set_index(["item_id", "dimension"])["content"]
        wide = study.tables.wide().join(content, on=["item_id", "dimension"])
        for dimension, factor, first, second in CONTRASTS:
            part = wide[wide["dimension"] == dimension]
            groups = [part[part[factor] == level] for level in (first, second)]
            slopes = [np.polyfit(group["content"], group["rating"], 1)[0] for group in groups]
            rows.append(
                {
                    "contrast": f"{dimension}: {first} minus {second}",
                    "difference": groups[0]["rating"].mean() - groups[1]["rating"].mean(),
                    "ratio": slopes[0] / slopes[1],
                }
            )
    return pd.DataFrame(rows)


def world_table() -> list[str]:
    """Return how groups differ in each world, mean and standard error over seeds."""
    lines = [
        "| contrast | world | difference of mean ratings | ratio of slopes |",
        "| --- | --- | --- | --- |",
    ]
    found = {world: group_differences(world).groupby("contrast", sort=False) for world in ("paper", "additive", "null")}
    for contrast in found["paper"].groups:
        for world, grouped in found.items():
            part = grouped.get_group(contrast)
            root = np.sqrt(len(part))
            difference, ratio = part["difference"], part["ratio"]
            lines.append(
                f"| {contrast} | {world} | {difference.mean():+.3f} ± {difference.std() / root:.3f} "
                f"| {ratio.mean():.3f} ± {ratio.std() / root:.3f} |"
            )
    return lines


def main() -> int:
    """Write the page; return the exit status."""
    paper = over_seeds(SEEDS, groups=True)
    shared = over_seeds(SEEDS, languages="shared")
    main_lines, met = target_table(paper)
    shared_lines, shared_met = target_table(shared)
    parts = [
        HEAD.format(first=SEEDS[0], last=SEEDS[-1]),
        "## Targets, default study\n\n" + "\n".join(main_lines),
        "\n## Further figures, default study\n\n" + "\n".join(further_table(paper)),
        "\n## Targets, translated items (`languages: shared`)\n\n" + "\n".join(shared_lines),
        "\n## What the worlds make of the groups\n\n"
        "Mean ± standard error over seeds. Ratings are on the scale 1 to 5; the ratio compares how steeply the two\n"
        "groups' ratings rise with the content of the text (1: alike). `paper` has both kinds of differences,\n"
        "`additive` only the first, `null` neither. On a scale with ends, a shift bends the line a little, so a ratio\n"
        "near 1, not at 1, is what a shift alone leaves.\n\n" + "\n".join(world_table()),
    ]
    page = Path(__file__).with_name("calibration.md")
    page.write_text("\n".join(parts) + "\n", encoding="utf-8")
    print("\n".join(main_lines))
    print(f"\n{page.name} written")
    return 0 if met and shared_met else 1


if __name__ == "__main__":
    sys.exit(main())
