"""What is done, running, missing or failed in a study."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from plural_core.errors import WorkflowError
from plural_core.study import Study
from plural_core.workflow.command import config_text, snakemake_command

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_NOTEBOOK = re.compile(r"^report/notebooks/(.+)\.ipynb$")


@dataclass(frozen=True)
class StepStatus:
    """State of one step.

    Parameters
    ----------
    step : str
        Name of the step, for example ``02_disagreement``.
    state : {'done', 'running', 'missing', 'stale', 'failed', 'interrupted'}
        ``stale``: done, but its config or inputs have changed since.
    log : Path
        Where its log stands.
    message : str
        For a failed step, its own one-line message.
    """

    step: str
    state: str
    log: Path
    message: str = ""


def failures(study: Study) -> list[StepStatus]:
    """Return the failed steps with their messages."""
    found = []
    for marker in sorted(study.logs.glob("*.failed")):
        log = study.logs / f"{marker.stem}.log"
        found.append(StepStatus(marker.stem, "failed", log, failure_message(log)))
    return found


def failure_message(log: Path) -> str:
    """Return the line that says why a step failed: its own error line, else the last telling line of its log."""
    own = log.with_suffix(".error")
    if own.is_file() and (text := own.read_text(encoding="utf-8").strip()):
        return text.splitlines()[0]
    if not log.is_file():
        return "no log was written"
    lines = [_ANSI.sub("", line).strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    lines = [line for line in lines if line]
    telling = [line for line in lines if re.match(r"^(plural: |\w*(Error|Exception|Killed)\b)", line)]
    return (telling or lines or ["the log is empty"])[-1].removeprefix("plural: ")


def study_status(study: Study) -> list[StepStatus]:
    """Return the state of every step of the workflow, in its order.

    It asks Snakemake which outputs are missing or stale, and the step markers what runs or has failed; it
    writes nothing.
    """
    result = []
    for step, state in _planned(study).items():
        log = study.logs / f"{step}.log"
        running = log.with_suffix(".running")
        if running.is_file():
            result.append(StepStatus(step, "running" if _alive(running) else "interrupted", log))
        elif log.with_suffix(".failed").is_file():
            result.append(StepStatus(step, "failed", log, failure_message(log)))
        else:
            result.append(StepStatus(step, state, log))
    return sorted(result, key=lambda s: (s.step == "report", s.step != "tables", s.step))


def _planned(study: Study) -> dict[str, str]:
    """Return for each step the worst state of its outputs."""
    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch) / "config.yaml"
        config.write_text(config_text(study), encoding="utf-8")
        folder = study.root if study.root.is_dir() else Path(scratch)
        command = snakemake_command(study, ["--detailed-summary"], config=config, folder=folder)
        process = subprocess.run(command, check=False, capture_output=True, text=True)
    rows = [line.split("\t") for line in process.stdout.splitlines()]
    rows = [cells for cells in rows if len(cells) >= 8 and cells[0] != "output_file"]
    if not rows:
        reason = (process.stderr.strip() or process.stdout.strip() or "no output").splitlines()[-1]
        raise WorkflowError(f"{study.name}: the workflow cannot be read: {reason}")
    # Every step makes one notebook; a step's other files are counted with the last notebook of their rule.
    names = {rule: found[1] for file, _, rule, *_ in rows if (found := _NOTEBOOK.match(file))}
    order = ("done", "stale", "missing")
    steps: dict[str, str] = {}
    for file, _, rule, *_, state, plan in rows:
        found = _NOTEBOOK.match(file)
        step = found[1] if found else names.get(rule, rule)
        if state == "missing" or not (study.root / file).exists():
            found_state = "missing"
        else:
            found_state = "done" if plan.strip() == "no update" else "stale"
        steps[step] = max(found_state, steps.get(step, "done"), key=order.index)
    return steps


def _alive(marker: Path) -> bool:
    try:
        host, process = marker.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return False
    if host != socket.gethostname():
        return True  # on another machine: only its scheduler knows
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
