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


def test_every_notebook_was_executed_and_is_in_the_report(tiny_run: tuple[Path, Run]) -> None:
    root, _ = tiny_run
    for name in NOTEBOOKS:
        executed = nbformat.read(root / "report" / "notebooks" / f"{name}.ipynb", as_version=4)
        code = [c for c in executed.cells if c.cell_type == "code"]
        assert all(c.execution_count for c in code)
        page = (root / "report" / f"{name}.html").read_text(encoding="utf-8")
        assert "Simulated data." in page
        assert 'src="plotly.min.js"' in page
    index = (root / "report" / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{name}.html"' in index for name in NOTEBOOKS)


def test_the_run_prints_findings_report_and_dashboard(tiny_run: tuple[Path, Run]) -> None:
    root, run = tiny_run
    assert "Findings (simulated data)" in run.out
    assert str(root / "report" / "index.html") in run.out
    assert "plural dashboard tiny" in run.out
    assert run.err == ""


def test_findings_are_sentences_marked_as_simulated(tiny_run: tuple[Path, Run]) -> None:
    root, _ = tiny_run
    for name in NOTEBOOKS:
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
    steps = {line.split()[1]: line.split()[2] for line in status.out.splitlines()[1:]}
    assert set(steps) == {"tables", "report", *NOTEBOOKS}
    assert set(steps.values()) == {"done"}


def test_a_changed_setting_makes_only_what_depends_on_it_stale(tiny_run: tuple[Path, Run], tiny_config: Path) -> None:
    root, _ = tiny_run
    status = plural("status", tiny_config, "--set", "agreement.bootstrap=50", cwd=root.parents[1])
    steps = {line.split()[1]: line.split()[2] for line in status.out.splitlines()[1:]}
    assert steps["tables"] == "done"
    assert steps["01_quality"] == "done"
    assert steps["02_disagreement"] == "stale"


def test_snakemakes_flags_go_through(tmp_path: Path, tiny_config: Path) -> None:
    dry = plural("run", tiny_config, "-n", cwd=tmp_path)
    assert dry.code == 0, dry.err
    assert not (tmp_path / "results" / "tiny" / "tables").exists()
