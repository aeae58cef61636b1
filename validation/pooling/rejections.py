"""How often does the pooled test of experiment 1 reject where it should not?

    python validation/pooling/rejections.py                          finish every cell, then write rejections.md
    python validation/pooling/rejections.py null-models --studies 60 one cell
    python validation/pooling/rejections.py --report                 write rejections.md from what is there

A study: 1,095 people of a world where groups do not differ (`null`), or differ by shifts only (`additive`), rate the
same 1,761 answers to the same prompts; models are tuned on one group's ratings or another's, answer 200 prompts, and
are set against each other by the lexicon, as in configs/demo.yaml (study.yaml here). Base models are trained once, and
what they say of every text is computed once; people, who rates what, ratings and seeds of the preferences are drawn
anew in each study. Cells with "raters" draw the participants of each study again eight times (two families).

Each finished study is one line of rejections-<cell>.jsonl, so a stopped run goes on where it was. Two cells may run
side by side. Base models and reference values stand in results/rejections.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402  (after the thread count is set)
import pandas as pd  # noqa: E402

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "demographics"))

from common import Key, Record, resume, share  # noqa: E402

from plural_core.evaluation.effects import effects_table  # noqa: E402
from plural_core.evaluation.judges.cache import JudgeCache  # noqa: E402
from plural_core.evaluation.judges.make import make_judges  # noqa: E402
from plural_core.evaluation.score import score_answers  # noqa: E402
from plural_core.io import write_table  # noqa: E402
from plural_core.pooling.pool import pooled_table  # noqa: E402
from plural_core.pooling.replicates import with_raters  # noqa: E402
from plural_core.simulation import simulate  # noqa: E402
from plural_core.simulation.material import draw_material  # noqa: E402
from plural_core.study import Study, load_study  # noqa: E402
from plural_core.training.base import ensure_base  # noqa: E402
from plural_core.training.load import load_base  # noqa: E402
from plural_core.training.plan import planned_runs  # noqa: E402
from plural_core.training.record import DONE, records_frame  # noqa: E402
from plural_core.training.run import answers_of, run_all  # noqa: E402
from plural_core.training.work import FamilyWork  # noqa: E402

CONFIG = HERE / "study.yaml"
RESULTS = HERE.parents[1] / "results"
LEVEL = 0.05


@dataclass(frozen=True)
class Cell:
    """One line of questions: a world, a pairing, and who is drawn anew."""

    world: str
    pairing: str = "within_prompt"
    replicates: int = 0
    contrasts: tuple[str, ...] = ("liberal - conservative", "white - black")
    families: tuple[str, ...] = ("llama", "qwen3", "mistral", "gemma2", "phi3", "gpt_neox", "olmo2")
    studies: int = 60


TWO = ("llama", "qwen3")
# Tuning on women's or men's ratings takes three times as long as on the smaller groups, so it has a cell of its own.
GENDER, POLITICAL = ("female - male",), ("liberal - conservative",)
CELLS = {
    "null-models": Cell("null"),
    "null-raters": Cell("null", replicates=8, contrasts=POLITICAL, families=TWO, studies=30),
    "additive-within": Cell("additive", contrasts=POLITICAL),
    "additive-anchored": Cell("additive", pairing="anchored", contrasts=POLITICAL),
    "null-models-gender": Cell("null", contrasts=GENDER),
    "additive-within-raters": Cell("additive", replicates=8, contrasts=POLITICAL, families=TWO, studies=30),
    "additive-anchored-raters": Cell(
        "additive", pairing="anchored", replicates=8, contrasts=POLITICAL, families=TWO, studies=30
    ),
}


def study_of(cell: Cell, seed: int, results: str | Path) -> Study:
    """The study of a cell: its world, pairing, families and contrasts under a seed."""
    whole = load_study(CONFIG).config
    study = load_study(
        CONFIG,
        [
            f"seed={seed}",
            f"simulation.world={cell.world!r}",
            f"pooling.replicates={cell.replicates}",
            f"models.families=[{', '.join(cell.families)}]",
            *(f"conditions.{name}.pairing={cell.pairing}" for name in whole.conditions),
        ],
        results=results,
    )
    config = study.config
    experiment = config.experiments["demographic"]
    kept = {name: c for name, c in experiment.contrasts.items() if name in cell.contrasts}
    sides = [side for c in kept.values() for side in (c.first, c.second)]
    demographic = experiment.model_copy(
        update={"contrasts": kept, "conditions": [c for c in experiment.conditions if c in sides]}
    )
    config = config.model_copy(update={"experiments": {"demographic": demographic}})
    return Study(config, study.source, study.root)


class Calibration:
    """The base models of all studies, loaded once, and the studies one by one."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.shared = load_study(CONFIG, results=RESULTS)
        self.material = draw_material(self.shared.config)
        self.bases = {family: ensure_base(self.shared, family) for family in cell.families}
        self.models = {family: load_base(self.shared, family) for family in cell.families}

    def one(self, key: Key) -> Record:
        """Simulate a study, tune, judge and pool; the record that goes into the log."""
        (seed,) = key
        start = time.process_time()
        folder = Path(tempfile.mkdtemp(prefix="rejections-"))
        try:
            found = self._study(study_of(self.cell, int(seed), folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return {
            "seed": seed, "date": time.strftime("%Y-%m-%d"), "cpu_seconds": round(time.process_time() - start), **found,
        }  # fmt: skip

    def _study(self, study: Study) -> Record:
        config = study.config
        drawn = simulate(config, self.material)
        write_table(drawn.truth["prompts_extra"], study.table("prompts_extra"))
        # What the base models say of the texts is the same in every study of a folder of base models.
        study.models.parent.mkdir(parents=True, exist_ok=True)
        study.models.symlink_to(self.shared.models)
        records = []
        works = {f: FamilyWork(study, drawn.tables, self.bases[f], self.models[f]) for f in self.cell.families}
        first = next(iter(works.values()))
        for family, work in works.items():
            work._preferences = first._preferences  # the same ratings: built once for all families
            records += run_all(work, planned_runs(config, family), say=lambda line: None)
        failed = [f"{r.run_id}: {r.message}" for r in records if r.status != DONE]
        if failed:
            raise SystemExit("; ".join(failed))
        prompts = first.preferences(0).prompts
        judges = make_judges(study)
        with JudgeCache.of(study.root) as cache:
            scored = score_answers(judges, answers_of(study, records), prompts, config.scored_dimensions, cache, config)
        runs = records_frame(study, records)
        return _pooled(study, scored.table, runs, self.cell)


def _pooled(study: Study, scores: pd.DataFrame, runs: pd.DataFrame, cell: Cell) -> Record:
    config = study.config
    effects = effects_table(scores, runs, config).table
    pooled = _usual(pooled_table(effects, config))
    again = [
        _usual(pooled_table(effects_table(scores, runs, config, replicate=n).table, config))
        for n in range(1, cell.replicates + 1)
    ]
    raters = with_raters(pooled, again, 0.95).set_index(["contrast", "dimension"]) if again else None
    found: Record = {}
    for name, contrast in config.experiments["demographic"].contrasts.items():
        row = pooled[(pooled["contrast"] == name) & (pooled["dimension"] == contrast.dimension)].iloc[0]
        own = effects[(effects["contrast"] == name) & (effects["dimension"] == contrast.dimension)]
        found[name] = {
            "families": _short(own.set_index("family")["estimate"].reindex(list(cell.families))),
            "errors": _short(own.set_index("family")["std_error"].reindex(list(cell.families))),
            **{c: float(f"{row[c]:.5g}") for c in ("estimate", "std_error", "p_value", "tau2")},
        }
        if raters is not None:
            both = raters.loc[(name, contrast.dimension)]
            found[name] |= {
                "raters_std_error": float(f"{both['std_error']:.5g}"),
                "raters_p_value": float(f"{both['p_value']:.5g}"),
                "raters_variance": float(f"{both['variance_raters']:.5g}"),
            }
    return {"contrasts": found}


def _usual(pooled: pd.DataFrame) -> pd.DataFrame:
    return pooled[(pooled["method"] == "DL") & (pooled["test"] == "z")]


def _short(values: pd.Series) -> list[float]:
    return [float(f"{v:.5g}") for v in values]


def report() -> None:
    """Write rejections.md from all logs."""
    lines = [
        "# How often the pooled test of experiment 1 rejects at 5 %", "",
        "Made by `python validation/pooling/rejections.py`; study.yaml is the design, the logs have every study.",
        "Shares with 95 % Wilson intervals; SD of estimates over studies; standard error as the test has it.", "",
        "| cell | contrast | studies | test | rejected | mean estimate | SD of estimates | standard error |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    dates: set[str] = set()
    for name, cell in CELLS.items():
        log = HERE / f"rejections-{name}.jsonl"
        if not log.is_file():
            continue
        records = resume(log, ("seed",), _seeds(log), lambda key: {})
        dates |= {r["date"] for r in records}
        tests = [("models (DL, z)", "p_value", "std_error")]
        if cell.replicates:
            tests.append(("models and raters", "raters_p_value", "raters_std_error"))
        for contrast in cell.contrasts:
            lines += [_line(name, contrast, records, *test) for test in tests]
        if len(cell.contrasts) > 1:
            lines += [_all_line(name, records, cell, *test[:2]) for test in tests]
    lines += ["", f"Studies run on {', '.join(sorted(dates))}; seeds count from 1."]
    (HERE / "rejections.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _seeds(log: Path) -> list[Key]:
    frame = pd.read_json(log, lines=True)
    return [(int(seed),) for seed in sorted(frame["seed"])]


def _line(cell: str, contrast: str, records: list[Record], test: str, p: str, error: str) -> str:
    rows = pd.DataFrame([r["contrasts"][contrast] for r in records])
    hits = int((rows[p] < LEVEL).sum())
    mean = rows["estimate"].mean()
    return (
        f"| {cell} | {contrast} | {len(rows)} | {test} | {hits}: {share(hits, len(rows))} | {mean:.4f} "
        f"| {rows['estimate'].std():.4f} | {np.sqrt((rows[error] ** 2).mean()):.4f} |"
    )


def _all_line(cell: str, records: list[Record], cell_: Cell, test: str, p: str) -> str:
    values = np.array([[r["contrasts"][c][p] for c in cell_.contrasts] for r in records])
    hits = int((values < LEVEL).sum())
    return f"| {cell} | all of them | {len(records)} | {test} | {hits}: {share(hits, values.size)} |  |  |  |"


def main() -> None:
    """Finish cells, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cells", nargs="*", choices=[*CELLS, []], help="which cells (default: all)")
    parser.add_argument("--studies", type=int, help="studies per cell (default: the cell's own)")
    parser.add_argument("--report", action="store_true", help="write the table from what is there")
    arguments = parser.parse_args()
    for name in [] if arguments.report else arguments.cells or list(CELLS):
        calibration = Calibration(CELLS[name])
        seeds = [(seed,) for seed in range(1, (arguments.studies or CELLS[name].studies) + 1)]
        resume(HERE / f"rejections-{name}.jsonl", ("seed",), seeds, calibration.one)
    report()


if __name__ == "__main__":
    main()
