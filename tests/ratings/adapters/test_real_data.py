"""POPQUORN and SBIC as people made them; skipped without PLURAL_REAL_DATA, failing where that is required."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from plural_core.ratings.adapters import ingest
from plural_core.ratings.tables import RatingTables
from plural_core.study import load_study

pytestmark = pytest.mark.real_data


def test_popquorn(real_data: Path, root: Path, tmp_path: Path) -> None:
    path = real_data / "popquorn" / "raw_data.csv"
    study = load_study(root / "configs" / "popquorn.yaml", [f"data.path={path}"], results=tmp_path)
    tables = ingest(study.config).tables
    assert (len(tables.ratings), len(tables.participants), len(tables.items)) == (13_036, 262, 1_500)
    assert tables.ratings["rating"].value_counts().sort_index().tolist() == [7516, 2190, 1590, 1039, 701]
    assert tables.participants["gender"].value_counts().to_dict() == {"Woman": 131, "Man": 124, "Non-binary": 7}
    assert tables.participants["age_band"].value_counts()[">65"] == 29
    assert tables.participants["ethnicity"].value_counts()["Arab American"] == 1
    assert tables.items["response"].notna().all()
    assert tables.items["prompt"].isna().all()
    tables.save(study)
    again = RatingTables.load(study)
    for name in ("ratings", "items", "participants"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(tables, name))


def test_sbic(real_data: Path, root: Path) -> None:
    path = real_data / "sbic" / "SBIC.v2.dev.without_text.csv"
    made = ingest(load_study(root / "configs" / "sbic.yaml", [f"data.path={path}"]).config)
    tables = made.tables
    assert tables.ratings["dimension"].value_counts().to_dict() == {
        "intent": 12_566,
        "sexual": 12_566,
        "offensive": 12_325,
    }
    assert (len(tables.participants), len(tables.items)) == (199, 4_680)
    log = made.log.to_frame()
    resolved = log[log["action"] == "resolved"].set_index("what")["n"]
    differs = {what.split()[2]: n for what, n in resolved.items()}
    assert differs == {"age": 65, "political": 5, "gender": 3, "ethnicity": 2}
    assert log.loc[log["what"] == "posts", "n"].tolist() == [7]
    assert tables.participants["gender"].isna().sum() == 3
    assert "annotatorMinority" not in tables.participants.columns
