"""The studies that the dashboard can show: folders of results with a ``config.yaml``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plural_core.errors import ConfigError, PluralError, listing, nearest
from plural_core.study import Study, load_study

ENVIRONMENT = "PLURAL_DASHBOARD"
"""Environment variable through which ``plural dashboard`` tells the app what to show, as JSON."""
CONFIG = "config.yaml"


@dataclass(frozen=True)
class Shelf:
    """What the dashboard was asked to show.

    Parameters
    ----------
    folders : tuple of Path
        Results folders of single studies; empty for all studies of `results`.
    results : Path
        Folder of all results, looked through where no study is named.
    """

    folders: tuple[Path, ...]
    results: Path

    def to_environment(self) -> str:
        """Return the shelf as the text of the environment variable."""
        return json.dumps({"folders": [str(f) for f in self.folders], "results": str(self.results)})

    @classmethod
    def from_environment(cls) -> Shelf:
        """Return the shelf that the environment names; without one, every study under ``results/``."""
        text = os.environ.get(ENVIRONMENT, "")
        given: dict[str, Any] = json.loads(text) if text else {"folders": [], "results": "results"}
        return cls(tuple(Path(f) for f in given["folders"]), Path(given["results"]).resolve())

    def entries(self) -> dict[str, Path]:
        """Return the results folder of each study by the name that stands in links, in alphabetical order."""
        folders = self.folders or tuple(sorted(self._found()))
        entries: dict[str, Path] = {}
        for folder in folders:
            name, number = folder.name, 2
            while name in entries:  # two studies of one name, from different places
                name, number = f"{folder.name}-{number}", number + 1
            entries[name] = folder
        return entries

    def _found(self) -> list[Path]:
        if not self.results.is_dir():
            return []
        return [path for path in self.results.iterdir() if (path / CONFIG).is_file()]


def make_shelf(names: Sequence[str], results: Path = Path("results")) -> Shelf:
    """Return what ``plural dashboard NAMES`` shows.

    Parameters
    ----------
    names : sequence of str
        For each study its name under `results`, its results folder, or its config file. None: all under `results`.
    results : Path
        Folder of all results.

    Raises
    ------
    ConfigError
        A name that is none of these, with the nearest one that is.
    """
    results = results.resolve()
    known = Shelf((), results).entries()
    return Shelf(tuple(_folder(name, results, known) for name in names), results)


def _folder(name: str, results: Path, known: dict[str, Path]) -> Path:
    path = Path(name)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        root = load_study(path).root
        if not (root / CONFIG).is_file():
            raise ConfigError(f"{path}: this study has no results yet; run it first (plural run {path})")
        return root
    if name in known:
        return known[name]
    if (path / CONFIG).is_file():
        return path.resolve()
    raise ConfigError(
        f"no study '{name}' under {results}.{nearest(name, known)} There: {listing(known) or 'none'}. Name a study, "
        "its results folder, or its config"
    )


def open_study(folder: Path) -> Study:
    """Return the study whose results stand in `folder`, wherever they were made.

    Raises
    ------
    PluralError
        Its config cannot be read.
    """
    study = load_study(folder / CONFIG)
    return Study(config=study.config, source=study.source, root=folder.resolve())


def titles(entries: dict[str, Path], opened: Callable[[Path], Study] = open_study) -> dict[str, str]:
    """Return each study's title, and its name where the config cannot be read.

    Parameters
    ----------
    entries : dict of str to Path
        Results folders by name.
    opened : callable
        How to open a folder; the app has one that keeps what it has read.
    """
    found = {}
    for name, folder in entries.items():
        try:
            found[name] = opened(folder).title
        except PluralError:
            found[name] = name
    return found
