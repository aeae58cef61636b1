"""Studies over the hand-written fixtures, and over tables written by a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from plural_core.ratings.tables import Ingested
from plural_core.study import load_study

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


@pytest.fixture
def fixtures() -> Path:
    """The folder of fixtures."""
    return FIXTURES


@pytest.fixture
def ingested() -> Callable[..., Ingested]:
    """Read a fixture study with further settings."""
    from plural_core.ratings.adapters import ingest

    def read(name: str, *settings: str) -> Ingested:
        return ingest(load_study(FIXTURES / name / "study.yaml", settings).config)

    return read


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., Ingested]:
    """Write a table and read it with a config of its own."""
    from plural_core.ratings.adapters import ingest

    def read(
        ratings: str,
        config: str = "dimensions: {toxicity: {label: T}}\nfactors: {gender: {}}\n",
        *settings: str,
        name: str = "ratings.csv",
        **further: str,
    ) -> Ingested:
        (tmp_path / name).write_text(ratings, encoding="utf-8")
        for part, text in further.items():
            (tmp_path / f"{part}.csv").write_text(text, encoding="utf-8")
            settings = (*settings, f"data.{part}={tmp_path / part}.csv")
        (tmp_path / "study.yaml").write_text("study: own\n" + config, encoding="utf-8")
        path = tmp_path / name
        study = load_study(tmp_path / "study.yaml", ["data.adapter=table", f"data.path={path}", *settings])
        return ingest(study.config)

    return read
