"""Files for readers: no formula, numbers untouched, simulated data marked."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plural_core.dashboard.downloads import FORMULA, csv_bytes, file_name, safe_cell
from plural_core.dashboard.pictures import can_export, picture_bytes
from plural_core.figures.theme import mark_simulated, new_figure


def read(content: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\u00a0@", "＝", "＠"])
def test_texts_that_spreadsheets_would_run_get_an_apostrophe(start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["plain", "1-2", "a=b", "'quoted", "", 5, -3.5, None, True])
def test_everything_else_stays_as_it_is(value: object) -> None:
    assert safe_cell(value) == value


@given(st.text())
def test_no_text_begins_with_a_formula(text: str) -> None:
    assert not str(safe_cell(text)).startswith(FORMULA)


def test_numbers_are_untouched_and_texts_are_safe() -> None:
    table = pd.DataFrame(
        {
            "group": ["=liberal", "male", None],
            "estimate": [-0.5, 1e-7, np.nan],
            "n": pd.array([-3, 10, None], dtype="Int64"),
            "ok": [True, False, True],
            "=evil header": [1, 2, 3],
        }
    )
    written = read(csv_bytes(table, simulated=False))
    assert list(written.columns) == ["group", "estimate", "n", "ok", "'=evil header"]
    assert written["group"].tolist() == ["'=liberal", "male", ""]
    assert written["estimate"].tolist() == ["-0.5", "1e-07", ""]
    assert written["n"].tolist() == ["-3", "10", ""]
    assert written["ok"].tolist() == ["True", "False", "True"]


def test_categories_are_texts_too() -> None:
    table = pd.DataFrame({"c": pd.Categorical(["=a", "b"])})
    assert read(csv_bytes(table, simulated=False))["c"].tolist() == ["'=a", "b"]


def test_simulated_data_are_marked_in_every_row_and_in_the_name() -> None:
    content = csv_bytes(pd.DataFrame({"x": [1, 2]}), simulated=True)
    assert content.startswith(b"\xef\xbb\xbf")  # spreadsheets then read umlauts
    assert read(content)["data_origin"].tolist() == ["simulated data"] * 2
    assert "data_origin" not in read(csv_bytes(pd.DataFrame({"x": [1]}), simulated=False))
    assert file_name("demo", "alpha", "csv", simulated=True) == "demo_alpha_simulated.csv"


def test_file_names_are_plain() -> None:
    assert file_name("My study/..", "a b ä", "svg", simulated=False) == "my-study_a-b.svg"


def test_pictures_are_files_of_their_kind(require_crosschecks) -> None:  # type: ignore[no-untyped-def]
    if not can_export():
        require_crosschecks("no Chrome or Chromium was found")
    figure = mark_simulated(new_figure("Title", "x", "y"))
    svg = picture_bytes(figure, "svg")
    assert svg.lstrip().startswith(b"<svg")
    assert b"Simulated data" in svg
    assert picture_bytes(figure, "svg") is svg  # kept
    assert picture_bytes(figure, "png").startswith(b"\x89PNG")
