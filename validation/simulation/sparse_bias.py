"""What the study's sparse design does to a fitted model: ``python validation/simulation/sparse_bias.py``.

Toxicity in the world `null`, rater standard deviation 0.6: once as the study is, once with normal item effects in
place of texts, then with more ratings per participant. Writes ``sparse_bias.md`` beside it; about a minute on one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from measures import config

from plural_core.ordinal import clmm
from plural_core.simulation import simulate

SEEDS = range(1, 11)
CASES: dict[str, dict[str, object]] = {
    "the study: 5 ratings each, 3.1 raters per item": {},
    "the same with normal item effects (SD 1.53), no texts": {"gains": {"toxicity": 0.0}, "item_sd": 1.53},
    "10 ratings each, 6.2 raters per item": {"ratings_per_participant": 10, "prompts": 587},
    "30 ratings each, 18.7 raters per item": {"ratings_per_participant": 30, "prompts": 587},
}


def main() -> None:
    """Fit every case and write the page."""
    lines = ["| case | rater SD, true | fitted | item SD, true | fitted |", "| --- | --- | --- | --- | --- |"]
    for name, settings in CASES.items():
        rows = []
        for seed in SEEDS:
            study = simulate(config(seed, world="null", **settings))
            wide = study.tables.wide()
            fit = clmm("rating ~ 1 + (1 | participant_id) + (1 | item_id)", wide[wide["dimension"] == "toxicity"])
            truth = study.truth["truth_variances"].set_index(["dimension", "component"])["sd"]["toxicity"]
            sd = fit.random_effects["sd"]
            rows.append((truth["participant"], sd["participant_id"], truth["item"], sd["item_id"]))
        table = np.array(rows)
        mean, error = table.mean(axis=0), table.std(axis=0, ddof=1) / np.sqrt(len(table))
        lines.append(
            f"| {name} | {mean[0]:.2f} | {mean[1]:.3f} ± {error[1]:.3f} "
            f"| {mean[2]:.2f} | {mean[3]:.3f} ± {error[3]:.3f} |"
        )
        print(lines[-1], flush=True)
    head = (
        "# What the sparse design does to a fitted model\n\n"
        "Made by `python validation/simulation/sparse_bias.py`: mean ± standard error over "
        f"{len(SEEDS)} seeds. With five ratings per participant the Laplace approximation puts the rater standard\n"
        "deviation too low; texts in place of normal item effects do not matter, more ratings mend it.\n\n"
    )
    Path(__file__).with_name("sparse_bias.md").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
