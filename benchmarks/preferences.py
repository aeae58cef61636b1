"""Ratings to preference pairs: seconds and memory at one million ratings (target: 15 s, 3 GB).

    python -m benchmarks.preferences             both designs at 1,000,000 ratings
    python -m benchmarks.preferences 100000      another size

Design ``survey``: 20,000 raters of 10 items each, 100,000 items in prompts of three, five dimensions. Design
``dense``: one dimension, 10,000 items in prompts of ten with 100 ratings each. Each design runs in a process of its own
with one thread; memory is that process's peak resident set, data and imports included. Seconds are those of the
step, without imports and without making the data.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
DIMENSIONS = ["toxicity", "emotional_awareness", "sensitivity", "helpfulness", "stereotypical_bias"]


def make(design: str, n: int) -> tuple[Any, Any]:
    """Return the tables and the config of a design of `n` ratings."""
    import numpy as np
    import pandas as pd

    from plural_core.ratings.tables import RatingTables, complete_participants
    from plural_core.study import StudyConfig
    from plural_core.study.instrument import dimensions, factors

    rng = np.random.default_rng(n)
    names = DIMENSIONS if design == "survey" else DIMENSIONS[:1]
    raters, items, each, responses = (n // 50, n // 10, 10, 3) if design == "survey" else (n // 50, n // 100, 50, 10)
    # Each rater takes a run of items of an order of its own block, so nobody rates an item twice.
    start = rng.integers(0, items, raters)
    item = (start[:, None] + np.arange(each) * 7) % items
    p, i = np.repeat(np.arange(raters), each), rng.permutation(items)[item.ravel()]
    strength, lean = rng.normal(0, 1.5, items), rng.normal(0, 0.6, raters)
    parts = []
    for number, name in enumerate(names):
        latent = (-1) ** number * strength[i] + lean[p] + rng.logistic(size=len(p))
        rating = 1 + np.searchsorted([-1.5, -0.5, 0.5, 1.5], latent)
        parts.append(pd.DataFrame({"participant_id": p, "item_id": i, "dimension": name, "rating": rating}))
    ratings = pd.concat(parts, ignore_index=True)
    ratings["position"] = np.tile(np.arange(1, each + 1), raters * len(names))
    for column, letter, count in (("participant_id", "p", raters), ("item_id", "i", items)):
        ids = np.array([f"{letter}{k:06}" for k in range(count)], dtype=object)
        ratings[column] = ids[ratings[column].to_numpy()]
    table = pd.DataFrame({"item_id": [f"i{k:06}" for k in range(items)]})
    table["prompt_id"] = [f"q{k // responses:06}" for k in range(items)]
    table = table.assign(prompt=None, response=None, language=None, source=None)
    people = pd.DataFrame({"participant_id": [f"p{k:06}" for k in range(raters)]})
    for name, factor in factors().items():
        people[name] = rng.choice(factor["levels"], raters)
    config = StudyConfig.model_validate({"study": "bench", "dimensions": dimensions(), "factors": factors()})
    return RatingTables(ratings, table, complete_participants(people)), config


def measure(design: str, n: int) -> dict[str, tuple[float, float, str]]:
    """Return wall seconds, processor seconds and a count for each step."""
    from plural_core import preferences as pr
    from plural_core.ratings.privacy import protect

    tables, config = make(design, n)
    names = tuple(tables.ratings["dimension"].unique())
    people = protect(tables.participants, config.factors, 10)
    prepared: list[Any] = []
    female = pr.Stratum("gender", ("female", "male"), "female")
    conditions = {
        "all": pr.Condition("all", names),
        "3 points": pr.Condition("three", names, scale="3"),
        **{how: pr.Condition(how, names, aggregation=how) for how in pr.AGGREGATIONS if how != "all"},
        "equal numbers of two groups": pr.Condition("female", names, stratum=female),
        "twin of 20,000 comparisons": pr.Condition("twin", names, size=20_000),
        "anchored": pr.Condition("anchored", names, pairing="anchored"),
    }
    made: list[Any] = []

    def build(condition: Any) -> str:
        try:
            made.append(pr.build_preferences(prepared[0], condition))
        except pr.ConditionSkipped as reason:
            return f"skipped: {reason}"
        record = made[-1].record
        return f"{record.n_pairs_raw:,} comparisons in {record.n_pairs:,} pairs"

    def prepare() -> str:
        prepared.append(pr.prepare(tables, config))
        return f"{len(tables.ratings):,} ratings"

    def raters() -> str:
        ids = prepared[0].participants["participant_id"]
        return f"{len(pr.raters_table(made, ids, people)):,} rows"

    steps: dict[str, Callable[[], str]] = {"prepare (once)": prepare}
    steps |= {name: lambda c=condition: build(c) for name, condition in conditions.items()}  # type: ignore[misc]
    steps["raters by group"] = raters
    steps["whose view wins"] = lambda: f"{len(pr.influence_table(prepared[0], people, names)):,} rows"
    found = {}
    for name, step in steps.items():
        wall, cpu = time.perf_counter(), time.process_time()
        count = step()
        found[name] = (time.perf_counter() - wall, time.process_time() - cpu, count)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", nargs="?", type=int, default=1_000_000, help="number of ratings")
    parser.add_argument("--worker", metavar="DESIGN", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        steps = measure(arguments.worker, arguments.size)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"steps": steps, "peak_mb": peak}))
        return
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, one thread")
    for design in ("survey", "dense"):
        command = [sys.executable, "-m", "benchmarks.preferences", str(arguments.size), "--worker", design]
        environment = {**os.environ, **THREADS}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{design} failed:\n{done.stderr}")
        found = json.loads(done.stdout.splitlines()[-1])
        print(f"\n{design}: peak {found['peak_mb']:.0f} MB\n{'step':<30}{'wall s':>8}{'cpu s':>8}")
        for step, (wall, cpu, count) in found["steps"].items():
            print(f"{step:<30}{wall:>8.2f}{cpu:>8.2f}  {count}")
        built = [s for step, s in found["steps"].items() if step not in ("raters by group", "whose view wins")]
        wall, cpu = (sum(part) for part in list(zip(*built, strict=True))[:2])
        print(f"{'ratings to all pairs above':<30}{wall:>8.2f}{cpu:>8.2f}")


if __name__ == "__main__":
    main()
