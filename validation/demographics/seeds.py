"""What the study's analysis finds in simulated studies: sign, power and false positives of every effect.

    python validation/demographics/seeds.py               fit what is missing, then write seeds.md and seeds.csv
    python validation/demographics/seeds.py --seeds 10    fewer

The study of configs/demo.yaml at full size in the worlds `paper` (shifts and slopes) and `additive` (shifts only),
seeds 1 to 50, analysed as notebook 04_demographic_effects does: small groups merged, one model per dimension, Holm's
adjustment over all effects of a study. Each finished study is one line of seeds.jsonl, so a stopped run goes on where
it was.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402  (after the thread count is set)
import pandas as pd  # noqa: E402
from common import Key, Record, resume, share, wilson  # noqa: E402

from plural_core.demographics import effects_table, fit_dimensions  # noqa: E402
from plural_core.ratings.privacy import protect  # noqa: E402
from plural_core.simulation import simulate  # noqa: E402
from plural_core.study import StudyConfig, load_study  # noqa: E402

HERE = Path(__file__).resolve().parent
CONFIG = HERE.parents[1] / "configs" / "demo.yaml"
WORLDS = ("paper", "additive")
COLUMNS = ["estimate", "std_error", "p_value", "p_holm"]


def config_of(world: str, seed: int) -> StudyConfig:
    """The demo study with another world and seed."""
    config = load_study(CONFIG).config
    simulation = config.simulation.model_copy(update={"world": world})
    return config.model_copy(update={"seed": seed, "simulation": simulation})


def fit_one(key: Key) -> Record:
    """Simulate and analyse one study; the record that goes into seeds.jsonl."""
    world, seed = key
    config = config_of(world, seed)
    study = simulate(config)
    people = protect(study.tables.participants, config.factors, config.privacy.k, enabled=config.privacy.enabled)
    start = time.perf_counter()
    fits, _ = fit_dimensions(study.tables, people, config)
    effects = effects_table(fits)
    found: dict[str, dict[str, list[float | None]]] = {name: {} for name in fits}
    for row in effects.to_dict("records"):
        found[row["dimension"]][row["term"]] = [None if pd.isna(row[c]) else float(f"{row[c]:.5g}") for c in COLUMNS]
    return {
        "world": world,
        "seed": seed,
        "seconds": round(time.perf_counter() - start, 2),
        "converged": [bool(fit.converged) for fit in fits.values()],
        "sd": {name: fit.random_effects["sd"].round(5).to_dict() for name, fit in fits.items()},
        "effects": found,
    }


def long_table(records: list[Record]) -> pd.DataFrame:
    """One row per world, seed, dimension and term, with the true value of the effect."""
    rows = [
        (r["world"], r["seed"], dimension, term, *values)
        for r in records
        for dimension, terms in r["effects"].items()
        for term, values in terms.items()
    ]
    table = pd.DataFrame(rows, columns=["world", "seed", "dimension", "term", *COLUMNS])
    table = table.astype(dict.fromkeys(COLUMNS, float))
    truth = simulate(config_of("paper", 1)).truth["truth_effects"]
    named = truth[truth["term"].notna()]
    slopes = truth.set_index(["dimension", "factor", "level"])["slope"]
    sloped = {(d, f) for (d, f, _), v in slopes.items() if v != 1.0}
    true = {(r.dimension, r.term): float(r.estimate) for r in named.itertuples()}
    factor = {(r.dimension, r.term): r.factor for r in named.itertuples()}
    keys = list(zip(table["dimension"], table["term"], strict=True))
    if unknown := sorted({k for k in keys if k not in true}):
        raise SystemExit(f"levels were merged, so that {unknown[0]} has no true value of its own")
    table["true"] = [true[k] for k in keys]
    table["slope"] = [
        world == "paper" and (k[0], factor[k]) in sloped for world, k in zip(table["world"], keys, strict=True)
    ]
    return table


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row per world, dimension and term: what 50 studies found."""
    rows = []
    for (world, dimension, term), part in table.groupby(["world", "dimension", "term"], sort=False):
        true, n = float(part["true"].iloc[0]), len(part)
        rows.append(
            {
                "world": world,
                "dimension": dimension,
                "term": term,
                "true": true,
                "true_percent_change": 100 * np.expm1(true),
                "factor_has_slope": bool(part["slope"].iloc[0]),
                "mean_estimate": part["estimate"].mean(),
                "mc_se": part["estimate"].std(ddof=1) / np.sqrt(n),
                "sd_estimate": part["estimate"].std(ddof=1),
                "mean_std_error": part["std_error"].mean(),
                "n": n,
                "sign": int((np.sign(part["estimate"]) == np.sign(true)).sum()) if true else -1,
                "below_05": int((part["p_value"] < 0.05).sum()),
                "holm_below_05": int((part["p_holm"] < 0.05).sum()),
                "below_05_right_sign": int(((part["p_value"] < 0.05) & (part["estimate"] * true > 0)).sum()),
                "seed_1_estimate": float(part.loc[part["seed"] == part["seed"].min(), "estimate"].iloc[0]),
                "seed_1_p": float(part.loc[part["seed"] == part["seed"].min(), "p_value"].iloc[0]),
                "seed_1_p_holm": float(part.loc[part["seed"] == part["seed"].min(), "p_holm"].iloc[0]),
            }
        )
    return pd.DataFrame(rows)


def pooled(table: pd.DataFrame, column: str, by: str) -> list[str]:
    """Rows of a pooled rate with its interval over studies (effects of one study depend on each other)."""
    lines = []
    for name, part in table.groupby(by, sort=False):
        per_study = (part[column] < 0.05).groupby(part["seed"]).mean()
        half = 1.96 * per_study.std(ddof=1) / np.sqrt(len(per_study))
        mean = per_study.mean()
        lines.append(f"| {name} | {len(part):,} | {mean:.3f} | {max(mean - half, 0):.3f}–{mean + half:.3f} |")
    return lines


def report(records: list[Record], table: pd.DataFrame, effects: pd.DataFrame, date: str) -> str:
    """The markdown tables."""
    seeds = sorted({r["seed"] for r in records})
    fits = sum(len(r["converged"]) for r in records)
    lines = [
        "# Effects found in simulated studies",
        "",
        f"Made by `python validation/demographics/seeds.py`, {date}. The study of `configs/demo.yaml` at full size",
        f"(1,095 participants, 1,761 items, five dimensions), seeds {seeds[0]} to {seeds[-1]}, worlds `paper` and",
        f"`additive`: {fits} fits, {sum(sum(r['converged']) for r in records)} converged; median "
        f"{np.median([r['seconds'] for r in records]):.1f} s per study of five fits on one thread of a busy machine.",
        "Analysed as in notebook 04_demographic_effects; no level had to be merged in any of them. Intervals are 95 %",
        "Wilson intervals over seeds. Every effect, with the counts, stands in `seeds.csv`.",
        "",
        "In the `paper` world some groups also have a **slope**: their ratings follow the text more or less strongly.",
        "The model has no slopes; *true* is the shift, the change in log odds for a text of average strength.",
        "Two worlds of one seed have the same people, texts and random draws, so dimensions without slopes come out",
        "the same in both.",
    ]
    for world in WORLDS:
        lines += _world(world, table[table["world"] == world], effects[effects["world"] == world], seeds)
    return "\n".join([*lines, *_spread(records, effects), ""])


def _world(world: str, table: pd.DataFrame, effects: pd.DataFrame, seeds: list[int]) -> list[str]:
    lines = [
        "",
        f"## World `{world}`",
        "",
        "### True effects",
        "",
        "| dimension | term | true (change in odds) | slope too | mean estimate ± MC SE | SD | mean SE | sign right | "
        f"power, p < .05 | power, Holm | seed {seeds[0]}: estimate, p, Holm |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for r in effects[effects["true"] != 0].itertuples():
        lines.append(
            f"| {r.dimension} | {r.term} | {r.true:+.3f} ({r.true_percent_change:+.1f} %) | "
            f"{'yes' if r.factor_has_slope else ''} | {r.mean_estimate:+.3f} ± {r.mc_se:.3f} | {r.sd_estimate:.3f} | "
            f"{r.mean_std_error:.3f} | {share(r.sign, r.n)} | {share(r.below_05, r.n)} | "
            f"{share(r.holm_below_05, r.n)} | {r.seed_1_estimate:+.3f}, {_p(r.seed_1_p)}, {_p(r.seed_1_p_holm)} |"
        )
    real = effects[effects["true"] != 0]
    tests = int(real["n"].sum())
    wrong = int((effects["below_05"] - effects["below_05_right_sign"])[effects["true"] != 0].sum())
    null = table[table["true"] == 0]
    family = null[null["p_holm"] < 0.05].groupby("seed").size()
    lines += [
        "",
        f"All {len(real)} effects together: sign right in {int(real['sign'].sum())} of {tests}, power "
        f"{real['below_05'].sum() / tests:.2f} at p < .05 and {real['holm_below_05'].sum() / tests:.2f} after Holm's "
        f"adjustment over the study's {len(effects)} effects; significant (p < .05) with the wrong sign: {wrong}.",
        "",
        "### Effects that are not there: share with p < .05 (nominal 0.05)",
        "",
        "Pooled; the interval is taken over studies, since effects of one study share its people.",
        "",
        "| effects | tests | false positives | 95 % interval |",
        "| --- | --- | --- | --- |",
        *pooled(null.assign(all="all"), "p_value", "all"),
        *pooled(null.assign(kind=np.where(null["slope"], "factor has slopes", "no slope")), "p_value", "kind"),
        *pooled(null.assign(factor=null["term"].map(_factor)), "p_value", "factor"),
        "",
        f"At least one false positive after Holm's adjustment: {share(len(family), len(seeds))} of studies.",
        "",
        "| term | " + " | ".join(dict.fromkeys(effects["dimension"])) + " |",
        "| --- |" + " --- |" * effects["dimension"].nunique(),
    ]
    for term, part in effects.groupby("term", sort=False):
        cells = [share(r.below_05, r.n) if r.true == 0 else "(true effect)" for r in part.itertuples()]
        lines.append(f"| {term} | " + " | ".join(cells) + " |")
    outside = [
        f"{r.term} on {r.dimension} ({r.below_05} of {r.n})"
        for r in effects[effects["true"] == 0].itertuples()
        if not _covers(r.below_05, r.n)
    ]
    n_null = int((effects["true"] == 0).sum())
    lines += [
        "",
        f"Intervals that leave out 0.05: {', '.join(outside) or 'none'}; {len(outside)} of {n_null}, where about "
        f"{0.05 * n_null:.0f} are expected by chance.",
    ]
    biased = [
        f"{r.term} on {r.dimension} ({r.mean_estimate:+.3f} ± {r.mc_se:.3f})"
        for r in effects[effects["true"] == 0].itertuples()
        if abs(r.mean_estimate) > 3 * r.mc_se
    ]
    lines.append(
        f"Mean estimates more than three Monte Carlo standard errors from zero: {', '.join(biased) or 'none'}."
    )
    return lines


def _spread(records: list[Record], effects: pd.DataFrame) -> list[str]:
    """How far the standard errors are from the spread that they stand for, and the fitted random effects."""
    lines = ["", "## Standard errors and random effects", ""]
    lines += [
        "| world | SD of estimates / mean SE, median over effects (range) | mean rater SD | mean item SD |",
        "| --- | --- | --- | --- |",
    ]
    for world in WORLDS:
        part = effects[effects["world"] == world]
        ratio = part["sd_estimate"] / part["mean_std_error"]
        sds = pd.DataFrame([sd for r in records if r["world"] == world for sd in r["sd"].values()]).mean()
        lines.append(
            f"| {world} | {ratio.median():.3f} ({ratio.min():.2f}–{ratio.max():.2f}) | {sds['participant']:.3f} | "
            f"{sds['item']:.3f} |"
        )
    return lines


def _covers(hits: int, n: int) -> bool:
    low, high = wilson(hits, n)
    return low <= 0.05 <= high


def _factor(term: str) -> str:
    return next(f for f in ("country", "gender", "age_band", "political", "ethnicity") if str(term).startswith(f))


def _p(value: float) -> str:
    return "–" if pd.isna(value) else "< .001" if value < 0.001 else f"{value:.3f}"


def main() -> None:
    """Analyse the missing studies and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--date", default=time.strftime("%Y-%m-%d"))
    parser.add_argument("--log", type=Path, default=HERE / "seeds.jsonl")
    parser.add_argument("--out", type=Path, default=HERE / "seeds.md")
    options = parser.parse_args()
    todo = [(world, seed) for seed in range(1, options.seeds + 1) for world in WORLDS]
    records = resume(options.log, ("world", "seed"), todo, fit_one)
    table = long_table(records)
    effects = summary(table)
    effects.to_csv(options.out.with_suffix(".csv"), index=False, float_format="%.6g", lineterminator="\n")
    options.out.write_text(report(records, table, effects, options.date), encoding="utf-8")
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
