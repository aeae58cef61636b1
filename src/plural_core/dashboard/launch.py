"""How ``plural dashboard`` starts the app."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from plural_core.dashboard.studies import ENVIRONMENT, Shelf
from plural_core.errors import ConfigError, WorkflowError
from plural_core.workflow.project import project_folder

PORT = 8501


def app_path() -> Path:
    """Return the app's script.

    Raises
    ------
    WorkflowError
        It is missing from the installation.
    """
    path = project_folder() / "dashboard" / "app.py"
    if not path.is_file():
        raise WorkflowError(f"{path}: the dashboard's files are missing; install plural again (make install)")
    return path


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split studies from Streamlit's own options (``--server.address=0.0.0.0``).

    Raises
    ------
    ConfigError
        An option that is neither ours nor Streamlit's.
    """
    studies = [a for a in arguments if not a.startswith("-")]
    options = [a for a in arguments if a.startswith("-")]
    for option in options:
        name, found, _ = option.partition("=")
        if not (name.startswith("--") and "." in name and found):
            raise ConfigError(
                f"unknown option '{option}'; known: --port N, --headless, and Streamlit's own as --section.name=value"
            )
    return studies, options


def command(port: int | None, headless: bool, options: Sequence[str] = ()) -> list[str]:
    """Return the command that runs the app; its settings stand in ``dashboard/.streamlit/config.toml``.

    Parameters
    ----------
    port : int, optional
        Where to listen (default: 8501).
    headless : bool
        Open no browser.
    options : sequence of str
        Further options of Streamlit.
    """
    line = [sys.executable, "-m", "streamlit", "run", str(app_path())]
    if port is not None:
        line += ["--server.port", str(port)]
    if headless:
        line += ["--server.headless", "true"]
    return [*line, *options]


def environment(shelf: Shelf, given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the app: the given one, and what to show."""
    return {**given, ENVIRONMENT: shelf.to_environment()}


def check_port(port: int, address: str = "localhost") -> None:
    """Raise where something listens on a port already.

    Raises
    ------
    ConfigError
        The port is taken, or is none.
    """
    if not 1 <= port <= 65535:
        raise ConfigError(f"--port {port}: a port is a number from 1 to 65535")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        if probe.connect_ex((address, port)) == 0:
            raise ConfigError(f"port {port} is in use (another dashboard?); choose another with --port N")


def start(line: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run the app until it ends; on Unix it takes over this process, so that signals reach it."""
    if os.name == "posix":
        sys.stdout.flush()
        os.execve(line[0], list(line), dict(variables))
    return subprocess.call(list(line), env=dict(variables))
