"""What a fine-tune tells while it runs: one line of metrics per update, and a progress bar."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from transformers import TrainerCallback

from plural_core.io import write_text
from plural_core.training.checkpoints import explained_writing

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

LOG_SECONDS = 30.0
"""Seconds between two lines of progress where the output is no terminal."""


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a metrics file; a last line that a killed process left half written is passed over."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    rows: list[dict[str, Any]] = []
    for line in text.splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            break
        rows.append(row)
    return rows


class MetricsFile(TrainerCallback):
    """Write ``metrics.jsonl``: one JSON object per update.

    A fine-tune that goes on from a checkpoint keeps the lines up to it and drops the later ones, so every update has
    one line. ``seconds`` goes on counting over all sittings.

    Parameters
    ----------
    path : Path
        The file.
    names : mapping of str to str
        What the trainer logs, and what it is called in the file; other values are not written.
    """

    def __init__(self, path: Path, names: Mapping[str, str]) -> None:
        self.path = path
        self.names = dict(names)
        self.rows: list[dict[str, Any]] = []
        self._stream: TextIO | None = None
        self._before = 0.0
        self._started = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of training so far, over all sittings."""
        return self._before + time.perf_counter() - self._started

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Open the file; what was written after the checkpoint that training goes on from is dropped."""
        self.rows = [row for row in read_metrics(self.path) if row.get("step", 0) <= state.global_step]
        self._before = float(self.rows[-1].get("seconds", 0.0)) if self.rows else 0.0
        self._started = time.perf_counter()
        write_text("".join(_line(row) for row in self.rows), self.path)
        self._stream = self.path.open("a", encoding="utf-8")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Write the values of an update."""
        if not logs or "loss" not in logs or self._stream is None:
            return
        row: dict[str, Any] = {"step": state.global_step}
        row |= {name: float(logs[key]) for key, name in self.names.items() if key in logs}
        row["seconds"] = round(self.seconds, 3)
        self.rows.append(row)
        with explained_writing(self.path):
            self._stream.write(_line(row))
            self._stream.flush()

    def close(self) -> None:
        """Close the file; safe to call at any time."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, allow_nan=False) + "\n"


class Progress(TrainerCallback):
    """Show progress on standard error: a bar in a terminal, else a line every half minute.

    Parameters
    ----------
    label : str
        What is running.
    names : mapping of str to str
        What the trainer logs, and what it is called beside the bar.
    stream : text stream, optional
        Where to (default: standard error).
    """

    def __init__(self, label: str, names: Mapping[str, str], stream: TextIO | None = None) -> None:
        self.label = label
        self.names = dict(names)
        self.stream = stream or sys.stderr
        self._bar: Any = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Open the bar at the update that training goes on from."""
        from tqdm import tqdm

        terminal = self.stream.isatty()
        self._bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            desc=self.label,
            unit="update",
            file=self.stream,
            leave=terminal,
            mininterval=0.5 if terminal else LOG_SECONDS,
            maxinterval=10.0 if terminal else LOG_SECONDS,
            delay=0.0 if terminal else LOG_SECONDS,
            dynamic_ncols=terminal,
        )

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.update()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Show the last values beside the bar; they appear when the bar is next drawn."""
        if self._bar is not None and logs:
            shown = {name: f"{logs[key]:.3f}" for key, name in self.names.items() if key in logs}
            self._bar.set_postfix(shown, refresh=False)

    def close(self) -> None:
        """Close the bar; safe to call at any time."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
