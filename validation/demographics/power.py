"""Is power by expected information right? The approximation of notebook 06_power against simulated studies.

    python validation/demographics/power.py              simulate what is missing, then write power.md
    python validation/demographics/power.py --blocks 1   fewer

The design is that of the study in configs/demo.yaml, with more or fewer raters. Each block of 25 simulated studies is
one line of power.jsonl, so a stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from common import Key, Record, resume, wilson  # noqa: E402

from plural_core.demographics.power import DimensionDesign, power_analysis, wald_power  # noqa: E402
from plural_core.ordinal import power  # noqa: E402
from plural_core.ratings.privacy import protect  # noqa: E402
from plural_core.simulation import simulate  # noqa: E402
from plural_core.study import StudyConfig, load_study  # noqa: E402

HERE = Path(__file__).resolve().parent
CONFIG = HERE.parents[1] / "configs" / "demo.yaml"
DIMENSION = "sensitivity"
ALPHA = 0.05
PER_BLOCK = 25
# Standard deviations as the study's fit gives them, and larger ones (the true ones of the simulated study).
SDS: dict[str, dict[str, float]] = {"as fitted": {}, "rater 0.60, item 1.53": {"participant": 0.60, "item": 1.53}}
CELLS = [
    *[("as fitted", n, percent) for n in (300, 1095) for percent in (20.0, 40.0)],
    ("as fitted", 2000, 20.0),
    *[("rater 0.60, item 1.53", 1095, percent) for percent in (20.0, 40.0)],
]


@cache
def config_of(world: str) -> StudyConfig:
    """The demo study, one dimension or all for the comparison with seeds.jsonl."""
    config = load_study(CONFIG).config
    chosen = config.power.model_copy(update={"dimensions": [DIMENSION] if world == "paper" else []})
    simulation = config.simulation.model_copy(update={"world": world})
    return config.model_copy(update={"simulation": simulation, "power": chosen})


@cache
def designs(world: str) -> dict[str, DimensionDesign]:
    """Design and fits of the demo study in a world."""
    config = config_of(world)
    tables = simulate(config).tables
    people = protect(tables.participants, config.factors, config.privacy.k)
    return power_analysis(tables, people, config).designs


@cache
def design(setting: str) -> DimensionDesign:
    """The study's own design under a setting of the standard deviations."""
    own = designs("paper")[DIMENSION]
    return DimensionDesign(replace(own.design, sds={**own.design.sds, **SDS[setting]}), own.factors)


def run_block(key: Key) -> Record:
    """Simulate and fit 25 studies of one planned design."""
    setting, n, percent, block = key
    part, settings = design(setting), config_of("paper").power
    planned = part.resized(n, settings, 1000 + block)
    size = math.log1p(percent / 100)
    effects = {term: size * (-1) ** k for k, term in enumerate(planned.effects)}
    seed = int(
        np.random.SeedSequence([20261121, list(SDS).index(setting), n, int(percent), block]).generate_state(1)[0]
    )
    start = time.perf_counter()
    found = power(planned, effects, PER_BLOCK, alpha=ALPHA, seed=seed)
    expected = power(planned, effects, alpha=ALPHA, method="information").table["std_error"]
    table = found.table
    return {
        "setting": setting,
        "n": n,
        "percent": percent,
        "block": block,
        "seed": seed,
        "seconds": round(time.perf_counter() - start, 1),
        "failed": found.n_failed,
        "term": list(table.index),
        "hits": [round(p * PER_BLOCK) for p in table["power"]],
        "mean_estimate": [float(f"{v:.5g}") for v in table["mean_estimate"] / table["effect"]],
        "std_error": [float(f"{v:.5g}") for v in table["std_error"]],
        "expected_error": [float(f"{v:.5g}") for v in expected],
    }


def cells(records: list[Record]) -> pd.DataFrame:
    """One row per setting, number of raters, change and term: simulated and expected power."""
    fields = ("term", "hits", "mean_estimate", "std_error", "expected_error")
    parts = [
        pd.DataFrame({f: r[f] for f in fields}).assign(setting=r["setting"], n=r["n"], percent=r["percent"])
        for r in records
    ]
    rows = []
    settings = config_of("paper").power
    for (setting, n, percent, term), part in pd.concat(parts).groupby(["setting", "n", "percent", "term"], sort=False):
        error = design(str(setting)).errors(int(n), settings, 1)[str(term)]
        runs = len(part) * PER_BLOCK
        rows.append(
            {
                "setting": setting,
                "n": n,
                "percent": percent,
                "term": term,
                "runs": runs,
                "hits": int(part["hits"].sum()),
                "simulated": part["hits"].sum() / runs,
                "information": wald_power(math.log1p(percent / 100), error, ALPHA),
                "ratio": part["mean_estimate"].mean(),
                "fitted_error": part["std_error"].mean(),
                "scaled_error": error,
                "planned_error": part["expected_error"].mean(),
            }
        )
    return pd.DataFrame(rows)


def report(records: list[Record], date: str) -> str:
    """The markdown tables."""
    table = cells(records)
    table["difference"] = table["simulated"] - table["information"]
    own = design("as fitted")
    sds = ", ".join(f"{name} {sd:.2f}" for name, sd in own.design.sds.items())
    failed = sum(r["failed"] for r in records)
    lines = [
        "# Power by expected information, and in simulated studies",
        "",
        f"Made by `python validation/demographics/power.py`, {date}. Design, thresholds and standard deviations",
        f"({sds}) of the study in `configs/demo.yaml` (seed 1, dimension {DIMENSION}), with new items for",
        "new raters. All effects have the same size, up and down in turn; tests at p < .05, two-sided. "
        f"{len(records) * PER_BLOCK:,} studies",
        f"simulated and fitted in blocks of {PER_BLOCK}, each with a planned design of its own (`resized`, seeds 1001",
        f"and up) and its own seed in `power.jsonl`; {failed} without a converged fit (counted as not significant).",
        "",
        "*Difference*: simulated minus expected power, mean over the 13 effects, with twice its Monte Carlo standard",
        "error (effects of a study taken as independent). *Estimates*: mean estimate over true effect. *SE*: over the",
        "expected standard error of 06_power, the mean one of the fits, and the expected one of the planned rows.",
        "",
        "| standard deviations | raters | change | studies | power, expected | power, simulated | difference "
        "| largest difference | estimates | SE, fits | SE, planned rows |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for (setting, n, percent), part in table.groupby(["setting", "n", "percent"], sort=False):
        p, runs = part["information"], int(part["runs"].iloc[0])
        error = math.sqrt(float((p * (1 - p) / runs).sum())) / len(part)
        worst = part.loc[part["difference"].abs().idxmax()]
        lines.append(
            f"| {setting} | {n:,} | {percent:+g} % | {runs} | {p.mean():.3f} | {part['simulated'].mean():.3f} | "
            f"{part['difference'].mean():+.3f} ± {2 * error:.3f} | {worst['difference']:+.2f} ({worst['term']}) | "
            f"{part['ratio'].mean():.3f} | {(part['fitted_error'] / part['scaled_error']).mean():.3f} | "
            f"{(part['planned_error'] / part['scaled_error']).mean():.3f} |"
        )
    by_cell = table.groupby(["setting", "n", "percent"], sort=False)
    means = by_cell["difference"].mean()
    fitted = table["fitted_error"] / table["scaled_error"]
    inside = [a <= r.information <= b for r in table.itertuples() for a, b in [wilson(r.hits, r.runs)]]
    lines += [
        "",
        f"Of {len(table)} effects, the 95 % Wilson interval of the simulated power holds the expected power in "
        f"{sum(inside)} ({np.mean(inside):.0%}).".replace("%)", " %)"),
        f"Simulated power is {means.min():+.3f} to {means.max():+.3f} from the expected one on average. Standard",
        f"errors of the fits are {fitted.mean():.2f} of the expected ones and estimates {table['ratio'].mean():.2f} of",
        "the true effects: the Laplace approximation puts the standard deviations of raters and items too low where",
        "each has few ratings. Smaller standard errors raise power (and false positives, see `seeds.md`),",
        "smaller estimates lower it.",
        "",
        "## Every effect",
        "",
        "| standard deviations | raters | change | term | expected | simulated (95 %) | estimates |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for r in table.itertuples():
        low, high = wilson(r.hits, r.runs)
        lines.append(
            f"| {r.setting} | {r.n:,} | {r.percent:+g} % | {r.term} | {r.information:.2f} | "
            f"{r.simulated:.2f} ({low:.2f}–{high:.2f}) | {r.ratio:.2f} |"
        )
    return "\n".join([*lines, *against_seeds(), ""])


def against_seeds() -> list[str]:
    """What 06_power says about one study of the additive world, and how often 50 such studies found their effects."""
    log = HERE / "seeds.jsonl"
    if not log.exists():
        return []
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    records = [r for r in records if r["world"] == "additive"]
    config = config_of("additive")
    truth = simulate(config).truth["truth_effects"]
    lines = [
        "",
        "## Against the whole way of a study",
        "",
        f"Expected power of the true effects from one study of the `additive` world (seed {config.seed}: its fits,",
        f"as in 06_power), and the share of {len(records)} such studies that found them with p < .05 (`seeds.md`). The",
        "true standard deviations are those of the simulated study; fits see what its sparse design leaves of them.",
        "",
        "| dimension | term | true | expected | found (95 %) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for r in truth[truth["term"].notna() & (truth["estimate"] != 0)].itertuples():
        part = designs("additive")[str(r.dimension)]
        error = part.errors(part.participants, config.power, 1)[str(r.term)]
        found = [record["effects"][r.dimension][r.term][2] < ALPHA for record in records]
        low, high = wilson(sum(found), len(found))
        lines.append(
            f"| {r.dimension} | {r.term} | {r.estimate:+.3f} | {wald_power(float(r.estimate), error, ALPHA):.2f} | "
            f"{np.mean(found):.2f} ({low:.2f}–{high:.2f}) |"
        )
    return lines


def main() -> None:
    """Simulate the missing blocks and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=4, help="blocks of 25 studies per cell")
    parser.add_argument("--date", default=time.strftime("%Y-%m-%d"))
    parser.add_argument("--log", type=Path, default=HERE / "power.jsonl")
    parser.add_argument("--out", type=Path, default=HERE / "power.md")
    options = parser.parse_args()
    todo = [(*cell, block) for block in range(1, options.blocks + 1) for cell in CELLS]
    records = resume(options.log, ("setting", "n", "percent", "block"), todo, run_block)
    options.out.write_text(report(records, options.date), encoding="utf-8")
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
