"""Faults that users meet: killed runs, failing steps, mistyped parameters, folders that cannot be written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.conftest import Run, plural

pytestmark = pytest.mark.end_to_end


# One notebook is enough for a fault; Snakemake takes it as a target.
DISAGREEMENT, DIMENSIONS = (f"report/notebooks/{name}.ipynb" for name in ("02_disagreement", "03_dimensions"))


def table_bytes(root: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((root / "tables").glob("*.parquet"))}


@pytest.mark.parametrize("moment", ["tables", "02_disagreement"])
def test_a_killed_run_goes_on_and_ends_with_the_same_tables(
    moment: str, tmp_path: Path, tiny_config: Path, tiny_run: tuple[Path, Run]
) -> None:
    whole, _ = tiny_run
    process = subprocess.Popen(
        [sys.executable, "-m", "plural_core", "run", str(tiny_config), DISAGREEMENT],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    root = tmp_path / "results" / "tiny"
    marker = root / "logs" / f"{moment}.running"
    deadline = time.monotonic() + 120
    while not marker.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    assert marker.exists(), "the step never started"
    time.sleep(0.7)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for table in (root / "tables").glob("*.parquet"):
        pd.read_parquet(table)  # whatever is there is whole
    status = plural("status", tiny_config, cwd=tmp_path)
    assert status.code == 0, status.err
    assert "done" not in next(line for line in status.out.splitlines() if moment in line)
    again = plural("run", tiny_config, DISAGREEMENT, cwd=tmp_path)
    assert again.code == 0, again.out + again.err
    made = table_bytes(root)
    assert {"ratings.parquet", "disagreement.parquet", "topics.parquet"} <= set(made)
    expected = table_bytes(whole)
    assert made == {name: expected[name] for name in made}
    assert not list(root.rglob("*.part"))


def test_a_failing_step_is_one_line_with_its_log_and_the_others_go_on(tmp_path: Path, tiny_config: Path) -> None:
    # A folder where the notebook wants to write its table: a real fault in the middle of the workflow.
    root = tmp_path / "results" / "tiny"
    (root / "tables" / "cooccurrence.parquet" / "x").mkdir(parents=True)
    run = plural("run", tiny_config, DIMENSIONS, DISAGREEMENT, cwd=tmp_path)
    assert run.code == 1
    assert len(run.err.strip().splitlines()) == 1
    assert run.err.startswith("plural: 03_dimensions: ")
    assert "Traceback" not in run.err + run.out
    assert str(root / "logs" / "03_dimensions.log") in run.err
    assert (root / "tables" / "disagreement.parquet").is_file()
    status = plural("status", tiny_config, cwd=tmp_path)
    line = next(line for line in status.out.splitlines() if "03_dimensions" in line)
    assert "failed" in line
    assert "03_dimensions.log" in line


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (["-p", "confg", "x.yaml"], "unknown parameter 'confg'. Did you mean 'config'"),
        (["-p", "config", "12"], "parameter 'config' is 12"),
    ],
)
def test_papermill_with_a_mistyped_parameter_fails(
    parameters: list[str], message: str, tmp_path: Path, root: Path
) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "papermill", "--no-progress-bar"),
            *(str(root / "notebooks" / "03_dimensions.ipynb"), "out.ipynb"),
            *parameters,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert message in done.stderr + done.stdout


def test_a_results_folder_that_is_a_file_is_one_line(tmp_path: Path, tiny_config: Path) -> None:
    (tmp_path / "results").write_text("mine", encoding="utf-8")
    run = plural("run", tiny_config, cwd=tmp_path)
    assert run.code == 1
    assert len(run.err.strip().splitlines()) == 1
    assert "results=FOLDER" in run.err
    assert (tmp_path / "results").read_text(encoding="utf-8") == "mine"


def test_missing_raw_data_is_one_line(tmp_path: Path, root: Path) -> None:
    run = plural("run", root / "configs" / "popquorn.yaml", "--set", "data.path=nowhere.csv", cwd=tmp_path)
    assert run.code == 1
    assert run.err.strip().endswith("does not exist; give the right one with --set data.path=PATH")
    assert not (tmp_path / "results").exists()


def test_two_runs_of_one_study_at_once(tmp_path: Path, tiny_config: Path) -> None:
    command = [sys.executable, "-m", "plural_core", "run", str(tiny_config)]
    first = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "results" / "tiny" / "config.yaml").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        second = plural("run", tiny_config, cwd=tmp_path)
        assert second.code == 1
        assert "another run of this study is under way" in second.err
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    plain = plural("validate", "nowhere.yaml", cwd=tmp_path)
    debug = plural("--debug", "validate", "nowhere.yaml", cwd=tmp_path)
    assert (plain.code, plain.err.count("\n")) == (1, 1)
    assert "Traceback" in debug.err


def own_study(folder: Path, rows: list[str], config: str = "") -> Path:
    (folder / "ratings.csv").write_text("participant_id,item_id,harm\n" + "\n".join(rows) + "\n", encoding="utf-8")
    path = folder / "mine.yaml"
    path.write_text(
        "study: mine\ndata: {adapter: table, path: ratings.csv}\nfactors: {}\n"
        f"dimensions:\n  harm: {{label: Harm, levels: 5, high_is: bad}}\n{config}",
        encoding="utf-8",
    )
    return path


def test_bad_data_in_a_second_run_leaves_the_tables_of_the_first(tmp_path: Path) -> None:
    good = [f"p{p},i{i},{1 + (p + i) % 5}" for p in range(12) for i in range(4)]
    config = own_study(tmp_path, good)
    assert plural("run", config, "tables/ratings.parquet", cwd=tmp_path).code == 0
    root = tmp_path / "results" / "mine"
    before = table_bytes(root)
    own_study(tmp_path, [*good[:-1], "p11,i3,9"])
    again = plural("run", config, "tables/ratings.parquet", cwd=tmp_path)
    assert again.code == 1
    assert "row 49, column 'harm', value '9'" in again.err
    assert table_bytes(root) == before
    own_study(tmp_path, [*good[:-1], "p11,i3,4"])
    assert plural("run", config, "tables/ratings.parquet", cwd=tmp_path).code == 0
    assert table_bytes(root) != before


def test_a_study_with_nothing_to_compare_and_single_ratings_still_gets_its_report(tmp_path: Path) -> None:
    rows = [f"p{p},i{5 * p + j},{1 + (p + j) % 5}" for p in range(15) for j in range(5)]
    config = own_study(tmp_path, rows, 'title: "<script>alert(1)</script>"\n')
    run = plural("run", config, cwd=tmp_path)
    assert run.code == 0, run.out + run.err
    assert "not estimable" in run.out
    report = tmp_path / "results" / "mine" / "report"
    assert (report / "index.html").is_file()
    assert "nothing to compare" in (report / "04_demographic_effects.html").read_text(encoding="utf-8")
    assert not any("<script>alert" in page.read_text(encoding="utf-8") for page in report.glob("*.html"))


def test_when_only_the_command_is_killed_the_step_ends_and_the_next_run_goes_on(
    tmp_path: Path, tiny_config: Path
) -> None:
    command = [sys.executable, "-m", "plural_core", "run", str(tiny_config), DIMENSIONS]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, start_new_session=True)
    marker = tmp_path / "results" / "tiny" / "logs" / "tables.running"
    deadline = time.monotonic() + 60
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 120
    again = plural("run", tiny_config, DIMENSIONS, cwd=tmp_path)
    while "another run" in again.err and time.monotonic() < deadline:
        time.sleep(1)
        again = plural("run", tiny_config, DIMENSIONS, cwd=tmp_path)
    assert again.code == 0, again.err
    assert (tmp_path / "results" / "tiny" / DIMENSIONS).is_file()


def test_ctrl_c_is_one_line(tmp_path: Path, tiny_config: Path) -> None:
    command = [sys.executable, "-m", "plural_core", "run", str(tiny_config), DIMENSIONS]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    logs = tmp_path / "results" / "tiny" / "logs"
    deadline = time.monotonic() + 60
    while not list(logs.glob("*.running")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip() == "plural: interrupted; plural run goes on from here"


def test_a_failed_fine_tune_is_one_line_and_only_it_is_done_again(tmp_path: Path, tiny_config: Path) -> None:
    settings = ("models.families=[llama]", "models.tiny.steps=40", "training.conditions_per_job=4")
    target = "report/notebooks/10_evaluate.ipynb"
    command = ("run", tiny_config, target, "--set", *settings)
    runs = tmp_path / "results" / "tiny" / "runs"
    # A folder where the fine-tune wants to write its metrics: a real fault in one of the runs of a job.
    (runs / "llama-majority-s1" / "metrics.jsonl" / "x").mkdir(parents=True)
    run = plural(*command, cwd=tmp_path)
    assert run.code == 1, run.out + run.err
    assert len(run.err.strip().splitlines()) == 1
    assert "llama-majority-s1 failed: " in run.err
    assert "Traceback" not in run.err + run.out
    records = {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in runs.glob("*/run.json")}
    assert len(records) == 8
    assert {name for name, record in records.items() if record["status"] != "done"} == {"llama-majority-s1"}
    status = plural("status", tiny_config, "--set", *settings, cwd=tmp_path)
    assert "llama-majority-s1" in status.out
    adapters = {path: path.stat().st_mtime_ns for path in runs.glob("*/adapter/adapter_model.safetensors")}

    shutil.rmtree(runs / "llama-majority-s1" / "metrics.jsonl")
    again = plural(*command, cwd=tmp_path)
    assert again.code == 0, again.out + again.err
    assert (runs / "llama-majority-s1" / "adapter" / "adapter_model.safetensors").is_file()
    assert {path: path.stat().st_mtime_ns for path in adapters} == adapters
    effects = pd.read_parquet(tmp_path / "results" / "tiny" / "tables" / "effects.parquet")
    assert "all - majority" in set(effects["contrast"])
