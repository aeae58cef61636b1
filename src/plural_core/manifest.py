"""Manifests: where a result came from (config section, inputs, version, seed, times), beside the result."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from plural_core import __version__
from plural_core.io import write_json
from plural_core.study import Study


@dataclass(frozen=True)
class Manifest:
    """Origin of one result.

    Parameters
    ----------
    result : str
        File name of the result.
    step : str
        Step that made it.
    config_hash : str
        Hash of the config sections that it depends on.
    inputs : dict
        SHA-256 per input file name.
    version : str
        Version of plural_core.
    seed : int
        Seed of the study.
    simulated : bool
        Whether the study is a simulation.
    started, finished : str
        UTC times, ISO 8601.
    """

    result: str
    step: str
    config_hash: str
    inputs: dict[str, str]
    version: str
    seed: int
    simulated: bool
    started: str
    finished: str


def now() -> str:
    """Return the UTC time, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_manifest(
    study: Study, result: Path, *, step: str, sections: Iterable[str], inputs: Iterable[Path], started: str
) -> Manifest:
    """Write the manifest of `result` beside it, as ``<result without ending>.json``."""
    manifest = Manifest(
        result=result.name,
        step=step,
        config_hash=study.section_hash(*sections),
        inputs={path.name: file_hash(path) for path in inputs if path.is_file()},
        version=__version__,
        seed=study.config.seed,
        simulated=study.config.simulated,
        started=started,
        finished=now(),
    )
    write_json(asdict(manifest), result.with_suffix(".json"))
    return manifest
