"""``plural run``: Snakemake on the study's results folder, with progress and failures in plain words."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from plural_core.errors import WorkflowError
from plural_core.study import Study
from plural_core.workflow.again import forget_unfinished
from plural_core.workflow.build import check_source
from plural_core.workflow.command import informs_only, snakemake_command, write_config
from plural_core.workflow.lock import study_lock
from plural_core.workflow.status import failures

_STEPS = re.compile(r"(\d+) of (\d+) steps")


def run_study(study: Study, flags: Sequence[str] = (), say: Callable[[str], None] = print) -> None:
    """Run what is missing of a study.

    Parameters
    ----------
    study : Study
        The study.
    flags : sequence of str
        Further flags for Snakemake.
    say : callable
        Takes the lines of progress.

    Raises
    ------
    ConfigError, WorkflowError
        The data is not there, another run is under way, or a step failed: one line with the step's own
        message and its log.
    """
    check_source(study)
    with study_lock(study) as lock:
        write_config(study)
        study.logs.mkdir(exist_ok=True)
        for stale in (*study.logs.glob("*.running"), *study.logs.glob("*.failed"), *study.logs.glob("*.error")):
            stale.unlink()  # left by a run that was killed or failed; the lock says that none is under way
        command = snakemake_command(study, flags)
        if informs_only(flags):
            subprocess.run(command, check=False, pass_fds=[lock])
            return
        forget_unfinished(study)
        log = study.logs / "workflow.log"
        code = _follow(command, log, lock, say)
    if code != 0:
        raise WorkflowError(_explain(study, log))


def _follow(command: list[str], log: Path, lock: int, say: Callable[[str], None]) -> int:
    """Run Snakemake, its output to `log`, and tell the steps' progress from there.

    No pipe stands between the two: where this process is killed, Snakemake ends its work all the same.
    """
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}
    progress = _Progress(say)
    with (
        log.open("w", encoding="utf-8") as stream,
        log.open(encoding="utf-8", errors="replace") as written,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=environment, pass_fds=[lock]
        ) as process,
    ):
        ended = False
        while not ended:
            ended = process.poll() is not None  # what was written before the end is still read below
            for line in written:
                progress.read(line)
            if not ended:
                time.sleep(0.1)
    return process.returncode


class _Progress:
    """Lines of progress out of the output of Snakemake and of the steps."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._done, self._total, self._collecting = 0, 0, 0
        self._rest = ""

    def read(self, text: str) -> None:
        """Take a piece of output; a line is looked at when it is whole."""
        self._rest += text
        if self._rest.endswith("\n"):
            line, self._rest = self._rest, ""
            self._line(line)

    def _line(self, line: str) -> None:
        if re.match(r"^all\s+1\s*$", line):
            self._collecting = 1  # rule all makes nothing itself
        elif found := _STEPS.search(line):
            self._total = int(found[2]) - self._collecting
        elif found := re.match(r"^total\s+(\d+)\s*$", line):
            self._total = int(found[1]) - self._collecting
        elif found := re.match(r"^@(start|done|failed) (\S+) ?(\d*)$", line.rstrip()):
            event, name, seconds = found.groups()
            self._done += event == "done"
            count = f"[{self._done}/{self._total}] " if self._total else ""
            if event == "start":
                self._say(f"        {name} ...")
            elif event == "done":
                self._say(f"{count}{name} done in {seconds} s")
            else:
                self._say(f"{count}{name} FAILED after {seconds} s")


def _explain(study: Study, log: Path) -> str:
    """Return one line: which step failed, with its own message, and where the log is."""
    failed = failures(study)
    if failed:
        first = failed[0]
        more = f" (and {len(failed) - 1} more step{'s' if len(failed) > 2 else ''}: see plural status)"
        return f"{first.step}: {first.message} [log: {first.log}]{more if len(failed) > 1 else ''}"
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    telling = [line for line in lines if re.search(r"[Ee]rror|[Ee]xception", line) and "Complete log" not in line]
    message = telling[-1] if telling else (lines[-1] if lines else "the workflow did not start")
    return f"the workflow stopped: {message} [log: {log}]"
