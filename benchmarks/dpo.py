"""DPO: this package beside plain TRL on the same comparisons, passes and threads (target: 3 times fewer seconds).

    python -m benchmarks.dpo                 the simulated paper study, one tiny model, one thread (about ten minutes)
    python -m benchmarks.dpo --quick         a tenth of the prompts
    python -m benchmarks.dpo --gpu           a random-weight Llama of 1B on a GPU: tokens per second, share of peak

Three ways to train one pass on the ratings of toxicity, all ratings on five points, each in a process of its own:

- plain TRL on every comparison: TRL's DPOTrainer, one pair of texts per comparison, its own reference;
- plain TRL on merged pairs: what merging alone gives. TRL has no weights and shares, so this is another loss: every
  pair counts once, and for its majority;
- this package: merged pairs with weights and shares, each response once per prompt group, reference computed once.

All make the same number of updates: an update of plain TRL has as many comparisons as stand behind the merged pairs
of an update here. A fifth of the prompts is held out; accuracy is the share of their comparisons that the tuned model
orders right. Seconds are those of the process (wall beside them); imports and loading of model and data are apart.
"Preparing" is tokenising and setting up the trainer, and for this package the reference as well.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.dpo_methods import METHODS

ROOT = Path(__file__).resolve().parents[1]
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
QUIET = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TRANSFORMERS_VERBOSITY": "error"}


def lay_out(folder: Path, family: str, quick: bool) -> dict[str, Any]:
    """Write base model, pairs and texts of the simulated study into a folder, and return the settings."""
    import numpy as np

    from plural_core import preferences as pr
    from plural_core.preferences.prompts import tuning_items
    from plural_core.simulation import simulate
    from plural_core.study import load_study
    from plural_core.training.base import base_folder, ensure_base

    study = load_study(ROOT / "configs" / "demo.yaml", ["models.check_answers=false"], results=folder / "results")
    tables = simulate(study.config).tables
    made = pr.build_preferences(pr.prepare(tables, study.config), pr.Condition("all", ("toxicity",)))
    texts = tuning_items(tables.items, study.config)
    prompts = np.random.default_rng(1).permutation(made.pairs["prompt_id"].unique())
    if quick:
        prompts = prompts[: len(prompts) // 10]
    held = made.pairs["prompt_id"].isin(prompts[: len(prompts) // 5])
    kept = made.pairs["prompt_id"].isin(prompts[len(prompts) // 5 :])
    for name, part in (("pairs", made.pairs[kept]), ("held", made.pairs[held])):
        part = part.assign(weight=part["n"] / part["n"].mean())
        part.to_parquet(folder / f"{name}.parquet")
        print(
            f"{name}: {part['n'].sum():,} comparisons in {len(part):,} pairs of {part['prompt_id'].nunique()} prompts"
        )
    texts.to_parquet(folder / "texts.parquet")
    base = ensure_base(study, family)
    print(f"base model: {base.label}, {base.parameters:,} parameters, trained in {base.cpu_seconds or 0:.0f} s")
    base_folder(study, family).rename(folder / "base")
    settings: dict[str, Any] = {
        "training": study.config.training.model_dump(mode="json"),
        "passes": 1,
        "seed": 1,
        "threads": 1,
        "device": "cpu",
        "bf16": False,
        "checkpointing": False,
        "per_forward": 32,
    }
    return settings


def run(folder: Path, method: str) -> dict[str, Any]:
    """Train in one way in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.dpo_methods", str(folder), method]
    environment = {**os.environ, **THREADS, **QUIET}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{method} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(results: dict[str, dict[str, Any]]) -> None:
    """Print processor seconds with wall seconds in brackets, and how they compare."""
    print(
        f"\n{'':<36}{'import':>8}{'load':>7}{'preparing':>16}{'training':>16}{'together':>9}{'updates':>9}"
        f"{'held-out':>10}{'MB':>7}"
    )
    spent = {}
    for method, found in results.items():
        parts = found["parts"]
        spent[method] = parts["prepare"][1] + parts["train"][1]
        cells = [f"{parts[name][1]:.1f} ({parts[name][0]:.1f})" for name in ("prepare", "train")]
        print(
            f"{METHODS[method]:<36}{parts['import'][1]:>8.1f}{parts['load'][1]:>7.1f}{cells[0]:>16}{cells[1]:>16}"
            f"{spent[method]:>9.1f}{found['updates']:>9}{found['accuracy']:>10.3f}{found['peak_mb']:>7.0f}"
        )
    if "ours" in results and "unmerged" in results:
        train = {method: found["parts"]["train"][1] for method, found in results.items()}
        print(f"\ntraining, plain TRL on every comparison / this package: {train['unmerged'] / train['ours']:.1f}")
        print(f"with preparation and reference:                         {spent['unmerged'] / spent['ours']:.1f}")
        if "merged" in results:
            print(f"of which merging alone:                                 {train['unmerged'] / train['merged']:.1f}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the prompts")
    parser.add_argument("--family", default="llama", help="tiny architecture")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="which ways to train")
    parser.add_argument("--gpu", action="store_true", help="a random-weight Llama of 1B on a GPU")
    parser.add_argument("--shape", choices=("1b", "small"), default="1b", help="size of the model with --gpu")
    parser.add_argument("--peak", type=float, help="peak of the GPU in TFLOP/s, where it is not known here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.gpu:
            from benchmarks import dpo_gpu

            dpo_gpu.compare(folder, arguments.shape, arguments.peak, arguments.methods, run)
            return
        print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, one thread")
        settings = lay_out(folder, arguments.family, arguments.quick)
        (folder / "settings.json").write_text(json.dumps(settings))
        results = {}
        for method in arguments.methods:
            results[method] = run(folder, method)
            print(f"{METHODS[method]}: done", flush=True)
        table(results)


if __name__ == "__main__":
    main()
