"""The commands as a user calls them: what they print, and errors as one line."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pandas as pd
import pytest

from plural_core import __version__
from plural_core.cli import main

CSV = "participant_id,item_id,harm,gender\n" + "".join(
    f"p{p},i{i},{1 + (p * i) % 5},{'woman' if p % 2 else 'man'}\n" for p in range(30) for i in range(6)
)
CONFIG = """\
study: mine
data: {adapter: table, path: ratings.csv}
dimensions:
  harm: {label: Harm, levels: 5, high_is: bad}
factors:
  gender: {reference: woman}
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ratings.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    return int(caught.value.code or 0)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--version") == 0
    assert capsys.readouterr().out.strip() == f"plural {__version__}"


def test_validate_says_what_is_in_the_data_and_writes_nothing(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("validate", "mine.yaml") == 0
    assert "180 ratings by 30 participants of 6 items" in capsys.readouterr().out
    assert sorted(p.name for p in mine.iterdir()) == ["mine.yaml", "ratings.csv"]


def test_a_wrong_rating_is_one_line_with_file_line_column_and_value(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = mine / "ratings.csv"
    path.write_text(CSV.replace("p3,i2,2,", "p3,i2,7,"), encoding="utf-8")
    assert call("validate", "mine.yaml") == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    for part in ("plural: ", "ratings.csv", "harm", "7"):
        assert part in err


def test_simulate_makes_the_tables_and_the_truth(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("simulate", str(root / "configs" / "tiny.yaml"), "--set", "seed=9", "study=other") == 0
    out = capsys.readouterr().out
    assert "1,500 ratings by 60 participants of 96 items, paper world, seed 9." in out
    tables = tmp_path / "results" / "other" / "tables"
    assert len(pd.read_parquet(tables / "ratings.parquet")) == 1500
    assert (tables / "truth_effects.parquet").is_file()


def test_only_a_simulation_simulates(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("simulate", "mine.yaml") == 1
    assert "only 'simulation' simulates" in capsys.readouterr().err


def test_the_dashboard_starts_streamlit_with_the_studies_named(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        (tmp_path / "results" / name).mkdir(parents=True)
        (tmp_path / "results" / name / "config.yaml").write_text(f"study: {name}\n", encoding="utf-8")
    started: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr("plural_core.dashboard.launch.start", lambda line, env: started.append((line, env)) or 0)
    assert call("dashboard", "one", "--port", "18765", "--headless", "--server.allowedHosts=a.example") == 0
    line, env = started[0]
    assert line[1:5] == ["-m", "streamlit", "run", str(root / "dashboard" / "app.py")]
    assert line[5:] == ["--server.port", "18765", "--server.headless", "true", "--server.allowedHosts=a.example"]
    assert json.loads(env["PLURAL_DASHBOARD"])["folders"] == [str(tmp_path / "results" / "one")]
    assert call("dashboard", "--port", "18765") == 0
    assert json.loads(started[1][1]["PLURAL_DASHBOARD"]) == {"folders": [], "results": str(tmp_path / "results")}


def test_the_dashboard_names_what_it_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results" / "demo").mkdir(parents=True)
    (tmp_path / "results" / "demo" / "config.yaml").write_text("study: demo\n", encoding="utf-8")
    assert call("dashboard", "demmo") == 1
    assert "Did you mean 'demo'" in capsys.readouterr().err
    assert call("dashboard", "--colour=red") == 1
    assert "unknown option '--colour=red'" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert call("dashboard", "--port", str(port)) == 1
    assert f"port {port} is in use" in capsys.readouterr().err


def test_a_report_without_a_run_is_one_line(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("report", "mine.yaml") == 1
    assert "no notebook has been run yet" in capsys.readouterr().err
