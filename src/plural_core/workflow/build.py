"""The first step of every study: its three tables, from a raw source or from the simulation."""

from __future__ import annotations

from pathlib import Path

from plural_core.errors import ConfigError
from plural_core.io import write_table
from plural_core.manifest import now, write_manifest
from plural_core.ratings.adapters import ingest
from plural_core.ratings.schemas import check_table
from plural_core.ratings.tables import Ingested, RatingTables
from plural_core.simulation import simulate
from plural_core.study import Study

SECTIONS = ("study", "seed", "data", "simulation", "dimensions", "factors")


def check_source(study: Study) -> Path | None:
    """Return the raw data's path, or None for a simulation.

    Raises
    ------
    ConfigError
        The path does not exist.
    """
    if study.config.simulated or study.config.data.path is None:
        return None
    for key in ("path", "participants", "items"):
        given = getattr(study.config.data, key)
        if given is not None and not Path(given).exists():
            raise ConfigError(f"data.{key}: {given} does not exist; give the right one with --set data.{key}=PATH")
    return Path(study.config.data.path)


def read_source(study: Study) -> Ingested:
    """Read and check a study's raw data without writing anything (not for simulations)."""
    check_source(study)
    return ingest(study.config)


def build_tables(study: Study) -> RatingTables:
    """Make, check and save the three tables of a study, what happened on the way, and a simulation's truth.

    Raises
    ------
    ConfigError, DataError, WorkflowError
        The source is missing or wrong, or the tables cannot be written; earlier tables stay as they were.
    """
    started = now()
    if study.config.simulated:
        simulated = simulate(study.config)
        tables, log, truth = simulated.tables.validate(study.config), simulated.log, simulated.truth
    else:
        source = read_source(study)
        tables, log, truth = source.tables, source.log, {}
    for name, table in truth.items():
        write_table(check_table(table, name), study.table(name))
    write_table(check_table(log.to_frame(), "ingest"), study.table("ingest"))
    tables.save(study)
    raw = [Path(study.config.data.path)] if study.config.data.path else []
    for name in (*truth, "ingest", "participants", "items", "ratings"):
        write_manifest(study, study.table(name), step="tables", sections=SECTIONS, inputs=raw, started=started)
    return tables


def ensure_tables(study: Study) -> RatingTables:
    """Return the study's tables, made first where they are missing."""
    if study.table("ratings").is_file():
        return RatingTables.load(study)
    return build_tables(study)
