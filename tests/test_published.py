"""The published figures: read whole, faults named."""

from __future__ import annotations

from pathlib import Path

import pytest

from plural_core.errors import DataError
from plural_core.published import published_demographic_effects, read_published


def test_the_seven_published_effects() -> None:
    effects = published_demographic_effects().set_index(["dimension", "term"])["percent_change"]
    assert len(effects) == 7
    assert effects["helpfulness", "age_band51-60"] == -40.6
    assert effects["sensitivity", "ethnicityBlack"] == 58.0


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("id,experiment\n", encoding="utf-8")
    with pytest.raises(DataError, match="column 'quantity' is missing"):
        read_published(path)
    with pytest.raises(DataError, match="the published results are missing"):
        read_published(tmp_path / "no.csv")
