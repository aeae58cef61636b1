"""The report: texts from data stay texts, numbers are formatted alike, tables are accessible."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plural_core.errors import WorkflowError
from plural_core.findings import make_finding, read_findings, write_findings
from plural_core.notebooks.display import format_number, table_html
from plural_core.report import write_report
from plural_core.report.html import index_page
from plural_core.report.write import Page
from plural_core.study import load_study

ATTACK = "<script>alert(1)</script> **bold** [x](javascript:1)"


def test_texts_in_tables_are_escaped() -> None:
    page = table_html(pd.DataFrame({"<b>": [ATTACK]}), ATTACK, 10)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert '<th scope="col"' in page


def test_a_long_table_says_what_is_left_out() -> None:
    assert "(first 2 of 5 rows)" in table_html(pd.DataFrame({"a": range(5)}), "c", 2)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.12345, "0.123"), (-2.5, "−2.500"), (43.21, "43.2"), (12345.6, "12,346"), (0.00001, "1.0e-05")],
)
def test_numbers_for_readers(value: float, text: str) -> None:
    assert format_number(value) == text


def test_numbers_side_by_side_have_the_same_decimals() -> None:
    assert format_number(-9.461, 78.2) == "−9.5"
    assert format_number(-0.0001, 0.5) == "0.000"


def test_columns_and_truth_values_are_words() -> None:
    table = pd.DataFrame({"contrast": ["a"], "std_error": [0.1], "tau2": [0.2], "equivalent": [np.bool_(True)]})
    shown = table_html(table.astype({"equivalent": object}), "Effects", 10)
    assert ">standard error<" in shown
    assert ">tau²<" in shown
    assert ">yes<" in shown
    assert "std_error" not in shown


def test_the_index_escapes_findings_and_names_what_is_missing(tmp_path: Path, root: Path) -> None:
    study = load_study(root / "configs" / "tiny.yaml", results=tmp_path)
    write_findings([make_finding("a", ATTACK, 1.0, 0.5, 1.5, 3, simulated=True)], study.findings / "01_quality.json")
    pages = [Page("01_quality", "Quality", "Fit?", "<p>x</p>"), Page("02_disagreement", "Disagreement", "Who?", None)]
    page = index_page(study, pages, read_findings(study.findings), {"participants": 1234})
    assert "<script>" not in page
    assert "1,234" in page
    assert "0.500 to 1.500" in page
    assert "<strong>Disagreement</strong> (not run in this study)" in page
    assert "No person rated anything here" in page


def test_without_an_executed_notebook_there_is_one_line(tmp_path: Path, root: Path) -> None:
    with pytest.raises(WorkflowError, match="no notebook has been run yet"):
        write_report(load_study(root / "configs" / "tiny.yaml", results=tmp_path))
