"""Metrics and progress: one line per update, also over several sittings, and little noise in a log."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerControl, TrainerState

from plural_core.training import callbacks as module
from plural_core.training.callbacks import MetricsFile, Progress, read_metrics
from plural_core.training.trained import TrainingError

ARGS: Any = None
CONTROL = TrainerControl()


def sitting(path: Path, start: int, end: int) -> MetricsFile:
    file = MetricsFile(path, {"loss": "loss", "learning_rate": "lr"})
    state = TrainerState(global_step=start, max_steps=10)
    file.on_train_begin(ARGS, state, CONTROL)
    for step in range(start + 1, end + 1):
        state.global_step = step
        file.on_log(ARGS, state, CONTROL, {"loss": 1.0 / step, "learning_rate": 0.5, "epoch": 1.0})
    file.on_log(ARGS, state, CONTROL, {"train_runtime": 3.0})  # the trainer's own summary is no update
    file.close()
    return file


def test_one_line_per_update(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    sitting(path, 0, 3)
    rows = read_metrics(path)
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert list(rows[0]) == ["step", "loss", "lr", "seconds"]
    assert rows[1]["loss"] == 0.5


def test_a_later_sitting_goes_on_after_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    sitting(path, 0, 5)
    with path.open("a") as stream:
        stream.write('{"step": 6, "lo')  # killed while it wrote
    rows = read_metrics(path)
    rows[3]["seconds"] = 100.0
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert sitting(path, 4, 7).seconds > 100.0
    rows = read_metrics(path)
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert rows[-1]["seconds"] >= 100.0


def test_a_new_start_begins_the_file_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    sitting(path, 0, 5)
    sitting(path, 0, 2)
    assert [row["step"] for row in read_metrics(path)] == [1, 2]


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = MetricsFile(tmp_path / "metrics.jsonl", {"loss": "loss"})
    state = TrainerState(global_step=0, max_steps=1)
    file.on_train_begin(ARGS, state, CONTROL)
    assert file._stream is not None
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    file._stream.close()
    file._stream = full.open("w")
    with pytest.raises(TrainingError, match="the disk is full"):
        file.on_log(ARGS, state, CONTROL, {"loss": 1.0})
    file._stream = None


def progress(stream: io.StringIO, steps: int) -> str:
    bar = Progress("llama-all-s1", {"loss": "loss"}, stream)
    state = TrainerState(global_step=0, max_steps=steps)
    bar.on_train_begin(ARGS, state, CONTROL)
    for step in range(1, steps + 1):
        state.global_step = step
        bar.on_step_end(ARGS, state, CONTROL)
        bar.on_log(ARGS, state, CONTROL, {"loss": 1.0 / step})
    bar.close()
    return stream.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_short_run_is_silent_in_a_log() -> None:
    assert progress(io.StringIO(), 500) == ""


def test_a_long_run_has_a_line_now_and_then_in_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOG_SECONDS", 0.0)
    assert "llama-all-s1" in progress(io.StringIO(), 50)


def test_a_bar_in_a_terminal() -> None:
    shown = progress(Terminal(), 50)
    assert "llama-all-s1" in shown
    assert "50/50" in shown
    assert "loss=" in shown
