"""`plural run configs/tiny.yaml`, and what a user sees of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from tests.end_to_end.conftest import Run, plural

pytestmark = pytest.mark.end_to_end
NOTEBOOKS = sorted(p.stem for p in (Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


PARTS = {
    "08_base_model": ["llama", "gpt_neox"],
    "09_finetune": [f"{family}-{job}" for family in ("llama", "gpt_neox") for job in (0, 1)],
    "13_pool": ["demographic", "scale", "disagreement_handling", "algorithm"],
}
STEPS = [f"{name}-{part}" if part else name for name in NOTEBOOKS for part in PARTS.get(name, [""])]


def test_every_notebook_was_executed_and_is_in_the_report(tiny_run: tuple[Path, Run]) -> None:
    root, _ = tiny_run
    assert {p.stem for p in (root / "report" / "notebooks").glob("*.ipynb")} == set(STEPS)
    for name in STEPS:
        executed = nbformat.read(root / "report" / "notebooks" / f"{name}.ipynb", as_version=4)
        code = [c for c in executed.cells if c.cell_type == "code"]
        assert all(c.execution_count for c in code)
        page = (root / "report" / f"{name}.html").read_text(encoding="utf-8")
        assert "Simulated data." in page
        assert 'src="plotly.min.js"' in page
    index = (root / "report" / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{name}.html"' in index for name in STEPS)


def test_the_run_prints_findings_report_and_dashboard(tiny_run: tuple[Path, Run]) -> None:
    root, run = tiny_run
    assert "Findings (simulated data)" in run.out
    assert str(root / "report" / "index.html") in run.out
    assert "plural dashboard tiny" in run.out
    assert run.err == ""


def test_findings_are_sentences_marked_as_simulated(tiny_run: tuple[Path, Run]) -> None:
    root, _ = tiny_run
    for name in STEPS:
        for finding in json.loads((root / "findings" / f"{name}.json").read_text(encoding="utf-8")):
            assert set(finding) == {"id", "sentence", "value", "ci_low", "ci_high", "n"}
            assert finding["sentence"].startswith("Simulated data: ")
            assert "nan" not in finding["sentence"].lower().split()


def test_every_table_has_a_manifest(tiny_run: tuple[Path, Run]) -> None:
    root, _ = tiny_run
    tables = sorted((root / "tables").glob("*.parquet"))
    assert {"ratings", "items", "participants"} <= {t.stem for t in tables}
    for table in tables:
        manifest = json.loads(table.with_suffix(".json").read_text(encoding="utf-8"))
        assert manifest["result"] == table.name
        assert manifest["simulated"] is True
        assert re.fullmatch(r"[0-9a-f]{16}", manifest["config_hash"])
        assert manifest["started"] <= manifest["finished"]


def test_the_three_tables_are_the_study(tiny_run: tuple[Path, Run]) -> None:
    root, _ = tiny_run
    ratings = pd.read_parquet(root / "tables" / "ratings.parquet")
    assert list(ratings.columns) == ["participant_id", "item_id", "dimension", "rating", "position"]
    assert ratings["participant_id"].nunique() == 60
    assert len(ratings) == 60 * 5 * 5


def test_running_again_does_nothing(tiny_run: tuple[Path, Run], tiny_config: Path) -> None:
    root, _ = tiny_run
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*.parquet")}
    again = plural("run", tiny_config, cwd=root.parents[1])
    assert again.code == 0, again.err
    assert "..." not in again.out
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*.parquet")} == before


def test_status_says_that_all_is_done(tiny_run: tuple[Path, Run], tiny_config: Path) -> None:
    root, _ = tiny_run
    status = plural("status", tiny_config, cwd=root.parents[1])
    assert status.code == 0, status.err
    steps = {line.split()[1]: line.split()[2] for line in status.out.splitlines()[1:] if line.startswith("  ")}
    assert set(steps) == {"tables", "report", "pool", *STEPS}
    assert set(steps.values()) == {"done"}
    assert "Fine-tunes: 16 done of 16" in status.out


def test_a_changed_setting_makes_only_what_depends_on_it_stale(tiny_run: tuple[Path, Run], tiny_config: Path) -> None:
    root, _ = tiny_run
    status = plural("status", tiny_config, "--set", "agreement.bootstrap=50", cwd=root.parents[1])
    steps = {line.split()[1]: line.split()[2] for line in status.out.splitlines()[1:] if line.startswith("  ")}
    assert steps["tables"] == "done"
    assert steps["01_quality"] == "done"
    assert steps["02_disagreement"] == "stale"
    assert steps["09_finetune-llama-0"] == "done"


def test_snakemakes_flags_go_through(tmp_path: Path, tiny_config: Path) -> None:
    dry = plural("run", tiny_config, "-n", cwd=tmp_path)
    assert dry.code == 0, dry.err
    assert not (tmp_path / "results" / "tiny" / "tables").exists()


def test_every_run_has_answers_to_the_test_prompts_only(tiny_run: tuple[Path, Run]) -> None:
    root, _ = tiny_run
    runs, generations, splits = (
        pd.read_parquet(root / "tables" / f"{name}.parquet") for name in ("runs", "generations", "prompt_splits")
    )
    assert len(runs) == 16
    assert (runs["status"] == "done").all()
    of = {split: set(part["prompt_id"]) for split, part in splits.groupby("split")}
    for _, part in generations.groupby("run_id"):
        assert set(part["prompt_id"]) == of["test"]
    pairs = pd.read_parquet(root / "tables" / "pairs.parquet")
    assert set(pairs["prompt_id"]) <= of["train"]
    assert not of["train"] & (of["test"] | of["acceptance"])


def test_scores_and_effects_are_of_every_run_and_declared_contrast(tiny_run: tuple[Path, Run]) -> None:
    root, _ = tiny_run
    tables = root / "tables"
    runs, scores, effects, pooled = (
        pd.read_parquet(tables / f"{name}.parquet") for name in ("runs", "scores", "effects", "pooled")
    )
    assert set(scores["run_id"]) == set(runs["run_id"])
    assert set(scores["dimension"]) == {"toxicity", "emotional_awareness"}
    assert {"female - male", "5 points - binary", "all - majority", "DPO both - GRPO both"} <= set(effects["contrast"])
    assert set(effects["family"]) == {"llama", "gpt_neox"}
    assert pooled["estimate"].notna().any()


def test_nothing_that_a_run_does_not_need_is_left(tiny_run: tuple[Path, Run]) -> None:
    root, _ = tiny_run
    for folder in (root / "runs").iterdir():
        assert not (folder / "checkpoints").exists()
        names = {p.name for p in folder.iterdir()}
        assert {"run.json", "generations.parquet"} <= names
    assert not list(root.rglob("*.bin"))
    assert not list(root.rglob("*.pkl"))


def test_ten_findings_are_chosen(tiny_run: tuple[Path, Run]) -> None:
    root, _ = tiny_run
    chosen = json.loads((root / "findings.json").read_text(encoding="utf-8"))
    assert len(chosen) == 10
    assert all(f["sentence"].startswith("Simulated data: ") for f in chosen)
    assert (root / "findings.md").read_text(encoding="utf-8").count("Simulated data: ") == 10
