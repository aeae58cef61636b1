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


HEADER = "id,experiment,quantity,contrast,dimension,value,unit,p_value,source,note"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,scale,q,c,toxicity,much,score,,S,", "line 3: column 'value' holds 'much', which is no number"),
        ("a,scale,q,c,toxicity,0.1,points,,S,", "line 3: column 'unit' holds 'points', which is none of"),
        ("a,scale,q,c,toxicity,0.1,score,small,S,", "line 3: column 'p_value' holds 'small', which is no p-value"),
        ("good,scale,q,c,toxicity,0.1,score,,S,", "line 3: column 'id' holds 'good', which is missing or there twice"),
        ("a,clmm,q,old vs young,toxicity,1,percent,,S,", "line 3: column 'contrast' holds 'old vs young'"),
    ],
)
def test_a_wrong_cell_is_named_with_its_line(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(f"{HEADER}\ngood,scale,q,c,toxicity,,score,<.01,S,\n{row}\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_published(path)


def test_a_file_that_is_no_table_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    for content in (b"", b'id,value\n"a,1\n', b"\xff\xfe\x00"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"p\.csv"):
            read_published(path)
