"""Ratings and agreement: seconds and memory at 10,000, 100,000 and 1,000,000 ratings.

    python -m benchmarks.agreement                    the table
    python -m benchmarks.agreement 10000 100000       some sizes only
    python -m benchmarks.agreement --bootstrap 1000   intervals as well

A million ratings are 20,000 raters of 10 items each, 100,000 items with texts, five dimensions and five factors;
smaller sizes are the same in every proportion. Each measurement runs in a process of its own with one thread; memory
is that process's peak resident set. Seconds are those of the step, without imports and without making the data; on a
busy machine wall time says more about the others, processor time about the step.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
SIZES = [10_000, 100_000, 1_000_000]
DIMENSIONS = ["toxicity", "emotional_awareness", "sensitivity", "helpfulness", "stereotypical_bias"]
CONFIG = """\
study: bench
dimensions: &five
  toxicity: {{label: toxicity}}
  emotional_awareness: {{label: emotional awareness}}
  sensitivity: {{label: sensitivity}}
  helpfulness: {{label: helpfulness}}
  stereotypical_bias: {{label: stereotypical bias}}
factors:
  country: {{}}
  gender: {{}}
  age_band: {{ordered: true}}
  political: {{}}
  ethnicity: {{}}
data:
  adapter: table
  path: ratings.csv
  participants: participants.csv
  items: items.csv
  columns: {{dimension: dimension, rating: rating, prompt_id: prompt_id, prompt: prompt, language: language}}
agreement: {{bootstrap: {draws}}}
"""


# ---- data ---------------------------------------------------------------------------------------
def make(folder: Path, n: int, draws: int) -> None:
    """Write the raw tables of a study of `n` ratings, with item, rater and group effects."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(n)
    raters, items, each = n // 50, n // 10, 10
    words = np.array(
        [f"{a}{b}" for a in ("bal", "dor", "fin", "gul", "hem", "jor", "kas") for b in "abcdefghijklmnopq"]
    )
    # Like the survey: rater r of a country sees items of its own language, each item about twice.
    german = np.arange(raters) % 2 == 1
    order = np.concatenate([rng.permutation(items // 2) for _ in range(-(-raters * each // items))])
    item = np.empty((raters, each), dtype=np.int64)
    for half, who in enumerate((~german, german)):
        item[who] = 2 * order[: who.sum() * each].reshape(-1, each) + half
    for row in range(raters):  # nobody rates an item twice
        while len(set(item[row])) < each:
            item[row] = 2 * rng.integers(0, items // 2, each) + int(german[row])
    strength, lean = rng.normal(0, 1.5, items), rng.normal(0, 0.6, raters)
    p, i = np.repeat(np.arange(raters), each), item.ravel()
    parts = []
    for number, name in enumerate(DIMENSIONS):
        latent = (-1) ** number * strength[i] + lean[p] + rng.logistic(size=len(p))
        rating = 1 + np.searchsorted([-1.5, -0.5, 0.5, 1.5], latent)
        parts.append(pd.DataFrame({"participant_id": p, "item_id": i, "dimension": name, "rating": rating}))
    ratings = pd.concat(parts, ignore_index=True)
    ratings["participant_id"] = "p" + ratings["participant_id"].astype(str)
    ratings["item_id"] = "i" + ratings["item_id"].astype(str)
    ratings.to_csv(folder / "ratings.csv", index=False)

    def draw(levels: list[str], shares: list[float]) -> Any:
        return rng.choice(levels, raters, p=shares)

    pd.DataFrame(
        {
            "participant_id": [f"p{k}" for k in range(raters)],
            "country": np.where(german, "Germany", "US"),
            "gender": draw(["female", "male", "non-binary"], [0.49, 0.48, 0.03]),
            "age_band": draw(["18-30", "31-40", "41-50", "51-60", "over 60"], [0.4, 0.28, 0.17, 0.1, 0.05]),
            "political": draw(["liberal", "moderate", "conservative"], [0.46, 0.34, 0.2]),
            "ethnicity": draw(["White", "Black", "Asian", "Hispanic", "other"], [0.7, 0.15, 0.06, 0.06, 0.03]),
        }
    ).to_csv(folder / "participants.csv", index=False)
    prompt = np.arange(items) // 6 * 2 + np.arange(items) % 2
    texts = [" ".join(rng.choice(words[(k % 12) * 9 : (k % 12) * 9 + 18], 8)) for k in range(int(prompt.max()) + 1)]
    pd.DataFrame(
        {
            "item_id": [f"i{k}" for k in range(items)],
            "prompt_id": [f"q{k}" for k in prompt],
            "prompt": [texts[k] for k in prompt],
            "language": np.where(np.arange(items) % 2 == 1, "de", "en"),
        }
    ).to_csv(folder / "items.csv", index=False)
    (folder / "study.yaml").write_text(CONFIG.format(draws=draws), encoding="utf-8")


# ---- what a worker measures ---------------------------------------------------------------------
Seconds = tuple[float, float]


def _timed(steps: dict[str, Callable[[], Any]]) -> dict[str, Seconds]:
    seconds = {}
    for name, step in steps.items():
        wall, cpu = time.perf_counter(), time.process_time()
        step()
        seconds[name] = (time.perf_counter() - wall, time.process_time() - cpu)
    return seconds


def measure(task: str, folder: Path) -> dict[str, Seconds]:
    """Return wall and processor seconds per step of one task: ``ingest``, ``load`` or ``tables``."""
    import numpy as np

    from plural_core import agreement
    from plural_core.ratings.adapters import ingest
    from plural_core.ratings.privacy import protect
    from plural_core.ratings.quality import quality_report
    from plural_core.ratings.tables import RatingTables
    from plural_core.study import load_study

    study = load_study(folder / "study.yaml", results=folder / "results")
    config = study.config
    if task == "ingest":
        found: list[Any] = []
        return _timed(
            {
                "read CSV and validate": lambda: found.append(ingest(config).tables),
                "save as Parquet": lambda: found[0].save(study),
            }
        )
    if task == "load":
        return _timed({"load Parquet and validate": lambda: RatingTables.load(study)})
    tables = RatingTables.load(study)
    people = protect(tables.participants, config.factors, config.privacy.k)
    rng = np.random.default_rng(1) if config.agreement.bootstrap else None
    return _timed(
        {
            "privacy": lambda: protect(tables.participants, config.factors, config.privacy.k),
            "quality": lambda: quality_report(tables, config, people),
            "disagreement": lambda: agreement.disagreement_table(tables, config, people),
            "alpha": lambda: agreement.alpha_table(tables, config, people, rng),
            "between_groups": lambda: agreement.between_table(tables, config, people, rng),
            "rank_agreement": lambda: agreement.rank_agreement_table(tables, config, people, rng),
            "cooccurrence": lambda: agreement.cooccurrence_table(tables, config),
            "topics": lambda: agreement.topic_tables(tables, config, people, np.random.default_rng(1)),
        }
    )


def _worker(arguments: list[str]) -> dict[str, Any]:
    """Run this file in a process of its own and return what it prints."""
    command = [sys.executable, "-m", "benchmarks.agreement", "--worker", *arguments]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **THREADS}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, help="numbers of ratings")
    parser.add_argument("--bootstrap", type=int, default=0, metavar="DRAWS", help="with intervals")
    parser.add_argument("--worker", nargs=2, metavar=("TASK", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        task, folder = arguments.worker
        seconds = measure(task, Path(folder))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "peak_mb": peak}))
        return
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, one thread")
    print(f"{'ratings':>9}  {'step':<28}{'wall s':>9}{'cpu s':>9}{'peak MB':>9}")
    for n in arguments.sizes:
        with tempfile.TemporaryDirectory() as name:
            make(Path(name), n, arguments.bootstrap)
            for task in ("ingest", "load", "tables"):
                found = _worker([task, name])
                steps = found["seconds"]
                if task == "tables":
                    agreement = [seconds for step, seconds in steps.items() if step not in ("privacy", "quality")]
                    steps["all agreement tables"] = [sum(part) for part in zip(*agreement, strict=True)]
                for step, (wall, cpu) in steps.items():
                    print(f"{n:>9,}  {step:<28}{wall:>9.2f}{cpu:>9.2f}{found['peak_mb']:>9.0f}", flush=True)


if __name__ == "__main__":
    main()
