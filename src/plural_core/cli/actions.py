"""What the commands do; imports stand inside, so that ``plural --help`` is quick."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from plural_core.errors import ConfigError
from plural_core.study import Study, load_study

_SIGNS = {"done": "✓", "running": "…", "missing": "–", "stale": "~", "failed": "✗", "interrupted": "!"}


def run(config: Path, settings: Sequence[str], flags: Sequence[str]) -> None:
    """``plural run``."""
    from plural_core.workflow.command import informs_only
    from plural_core.workflow.run import run_study

    study = load_study(config, settings)
    print(f"Study {study.name}: {study.title}", flush=True)
    run_study(study, flags, lambda line: print(line, flush=True))
    if not informs_only(flags):
        _summary(study)
        _complain(study)


def _summary(study: Study) -> None:
    from plural_core.cli.findings_table import print_findings
    from plural_core.findings import read_findings

    print()
    print_findings(read_findings(study.findings), study)
    print()
    if (study.report / "index.html").is_file():
        print(f"Report:    {study.report / 'index.html'}")
    print(f"Dashboard: plural dashboard {study.name}")


def _complain(study: Study) -> None:
    from plural_core.errors import WorkflowError
    from plural_core.workflow.again import what_is_left

    left = what_is_left(study)
    if len(left) == 1:
        raise WorkflowError(f"{left[0]}; the next plural run tries only this again")
    if left:
        print()
        print("\n".join(left))
        raise WorkflowError(f"{len(left)} things went wrong; the next plural run tries only them again")


def validate(config: Path, settings: Sequence[str]) -> None:
    """``plural validate``."""
    from plural_core.workflow.build import read_source

    study = load_study(config, settings)
    print(f"{config}: the config is valid (study {study.name}).")
    if study.config.simulated:
        print("The ratings are simulated: there is no data to check.")
        return
    print(f"Reading {study.config.data.path} ...", flush=True)
    source = read_source(study)
    tables = source.tables
    for entry in source.log.entries:
        of = f" of {entry['of']:,}" if entry["of"] is not None else ""
        print(f"  {entry['action']}: {entry['n']:,}{of} {entry['what']}{'. ' if entry['note'] else ''}{entry['note']}")
    print(
        f"The data is valid: {len(tables.ratings):,} ratings by {len(tables.participants):,} participants "
        f"of {len(tables.items):,} items."
    )


def simulate(config: Path | None, settings: Sequence[str]) -> None:
    """``plural simulate``."""
    from plural_core.workflow.project import project_folder

    config = config or project_folder() / "configs" / "demo.yaml"
    study = load_study(config, settings)
    if not study.config.simulated:
        raise ConfigError(f"{config}: data.adapter is '{study.config.data.adapter}'; only 'simulation' simulates")
    _make_tables(study)
    print(f"Truth:  {study.tables}/truth_*.parquet")


def tables(config: Path, settings: Sequence[str]) -> None:
    """``plural tables``, the workflow's first step."""
    _make_tables(load_study(config, settings))


def _make_tables(study: Study) -> None:
    from plural_core.workflow.build import build_tables

    print(f"Making the tables of study {study.name} ...", flush=True)
    made = build_tables(study)
    print(
        f"{len(made.ratings):,} ratings by {len(made.participants):,} participants of {len(made.items):,} items, "
        f"{study.config.simulation.world + ' world, ' if study.config.simulated else ''}seed {study.config.seed}."
    )
    print(f"Tables: {study.tables}")


def status(config: Path, settings: Sequence[str]) -> None:
    """``plural status``."""
    from plural_core.workflow.status import study_status

    study = load_study(config, settings)
    print(f"Study {study.name} in {study.root}")
    for step in study_status(study):
        about = step.message and f"  {step.message}"
        log = f"  log: {step.log}" if step.state in ("failed", "interrupted", "running") else ""
        print(f"  {_SIGNS[step.state]} {step.step:<28} {step.state}{about}{log}")
    _fine_tunes(study)


def _fine_tunes(study: Study) -> None:
    from collections import Counter

    from plural_core.training.record import DONE, MISSING, study_records

    records = study_records(study)
    if not records:
        return
    counts = Counter(record.status for record in records)
    print(f"Fine-tunes: {', '.join(f'{n} {status}' for status, n in counts.items())} of {len(records)}")
    for record in records:
        if record.status not in (DONE, MISSING):
            print(f"  {_SIGNS.get(record.status, '–')} {record.run_id}: {record.status}: {record.message}")


def pool(config: Path, settings: Sequence[str]) -> None:
    """``plural pool``, the workflow's step between evaluation and pooling."""
    from plural_core.pooling.study import build_pooled

    study = load_study(config, settings)
    made = build_pooled(study)
    contrasts = made.pooled.groupby(["experiment", "contrast"]).ngroups if len(made.pooled) else 0
    print(f"{contrasts} contrasts pooled over {len(study.config.models.families)} families.")
    for note in made.notes:
        print(note)


def report(config: Path, settings: Sequence[str]) -> None:
    """``plural report``, also the workflow's last step."""
    from plural_core.report import write_report

    print(f"Report: {write_report(load_study(config, settings))}")


def dashboard(arguments: Sequence[str], port: int | None, headless: bool) -> int:
    """``plural dashboard``."""
    import os

    from plural_core.dashboard import launch
    from plural_core.dashboard.studies import make_shelf

    studies, options = launch.split_arguments(arguments)
    shelf = make_shelf(studies)
    launch.check_port(launch.PORT if port is None else port)
    return launch.start(launch.command(port, headless, options), launch.environment(shelf, os.environ))
