"""A study: its config and the places where its results stand."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from plural_core.study.config import StudyConfig


@dataclass(frozen=True)
class Study:
    """A checked config together with the folders of its results.

    Parameters
    ----------
    config : StudyConfig
        The checked config.
    source : Path or None
        The YAML file it came from.
    root : Path
        Absolute folder of this study's results, ``<results>/<study>``.
    """

    config: StudyConfig
    source: Path | None
    root: Path

    @property
    def name(self) -> str:
        """Name of the study."""
        return self.config.study

    @property
    def title(self) -> str:
        """Title for readers."""
        return self.config.title or self.config.study

    @property
    def tables(self) -> Path:
        """Folder of all result tables."""
        return self.root / "tables"

    @property
    def findings(self) -> Path:
        """Folder of the findings, one JSON file per notebook."""
        return self.root / "findings"

    @property
    def report(self) -> Path:
        """Folder of executed notebooks and HTML pages."""
        return self.root / "report"

    @property
    def logs(self) -> Path:
        """Folder of logs and step markers."""
        return self.root / "logs"

    @property
    def models(self) -> Path:
        """Folder of the base models and what is computed once per family."""
        return self.root / "models"

    @property
    def runs(self) -> Path:
        """Folder of the fine-tunes, one folder each."""
        return self.root / "runs"

    def table(self, name: str) -> Path:
        """Return the path of a table, ``tables/<name>.parquet``."""
        return self.tables / f"{name}.parquet"

    def section_hash(self, *sections: str) -> str:
        """Return a short SHA-256 over the named sections of the config, stable across processes."""
        text = json.dumps(self.config.section(*sections), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
