"""The real command on the tiny study, once for all tests that only look at its results."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Run:
    """A finished `plural` command."""

    code: int
    out: str
    err: str
    seconds: float


def plural(*arguments: object, cwd: Path, timeout: float = 300) -> Run:
    """Run the installed command as a user would."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "plural_core", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    return Run(done.returncode, done.stdout, done.stderr, time.monotonic() - started)


@pytest.fixture(scope="session")
def tiny_config(root: Path) -> Path:
    """The shipped tiny config."""
    return root / "configs" / "tiny.yaml"


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, tiny_config: Path) -> tuple[Path, Run]:
    """The tiny study's results folder and the run that made it, in an empty working directory."""
    folder = tmp_path_factory.mktemp("tiny")
    run = plural("run", tiny_config, cwd=folder, timeout=1000)
    assert run.code == 0, run.out + run.err
    return folder / "results" / "tiny", run
