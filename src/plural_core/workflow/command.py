"""The Snakemake command line of a study, and the checked config that it reads."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from plural_core.io import write_text
from plural_core.study import Study
from plural_core.workflow.project import project_folder

_SCHEDULING = ("--cores", "-c", "--jobs", "-j", "--executor", "-e", "--profile", "--workflow-profile")
_INFORMING = ("-n", "--dry-run", "--dag", "--rulegraph", "--summary", "-D", "--detailed-summary", "--list", "-l", "-h")
_HEADER = "# The checked config of this study, every default filled in. Made by plural run; edit the original.\n"


def config_text(study: Study) -> str:
    """Return the checked config as YAML, every default filled in."""
    data = study.config.model_dump(mode="json") | {"results": str(study.root.parent)}
    return _HEADER + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)


def write_config(study: Study) -> Path:
    """Write the checked config into the results folder.

    It is rewritten only where its content changes, so an unchanged study is not run again.
    """
    text = config_text(study)
    path = study.root / "config.yaml"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(text, path)
    return path


def informs_only(flags: Sequence[str]) -> bool:
    """Return whether these Snakemake flags print something instead of running."""
    return any(flag in _INFORMING for flag in flags)


def snakemake_command(
    study: Study, flags: Sequence[str] = (), *, config: Path | None = None, folder: Path | None = None
) -> list[str]:
    """Return the Snakemake command line of a study.

    Parameters
    ----------
    study : Study
        The study.
    flags : sequence of str
        The user's own flags; they go through as they are.
    config, folder : Path, optional
        Instead of ``config.yaml`` in the results folder, and of that folder.
    """
    command = [
        *(sys.executable, "-P", "-m", "snakemake"),
        *("--snakefile", str(project_folder() / "workflow" / "Snakefile")),
        *("--directory", str(folder or study.root)),
        *("--configfile", str(config or study.root / "config.yaml")),
        *("--config", f"python={sys.executable}"),
        # plural holds its own lock, which a killed run cannot leave behind; unfinished outputs are made again.
        *("--nolock", "--rerun-incomplete"),
        # One failed step does not stop the steps that do not need it.
        "--keep-going",
    ]
    if not any(flag.split("=")[0] in _SCHEDULING for flag in flags):
        command += ["--cores", "all"]
    return [*command, *flags]
