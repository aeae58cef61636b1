"""Ten sentences: every notebook gets its share, those with intervals first, none invented."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from plural_core.findings import COLUMNS, make_finding, write_findings
from plural_core.findings_choice import MOST, choose_findings, write_chosen
from plural_core.study import load_study


def findings(**counts: int) -> pd.DataFrame:
    rows = [
        (notebook.replace("__", "-"), f"f{n}", f"{notebook} {n}", 1.0, 0.5 if n % 2 else np.nan, 1.5, 3)
        for notebook, count in counts.items()
        for n in range(count)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_ten_at_most_and_from_many_notebooks() -> None:
    many = findings(**{"n01": 0}, **dict.fromkeys(("a", "b", "c", "d"), 6))
    chosen = choose_findings(many)
    assert len(chosen) == MOST
    assert set(chosen["notebook"]) == {"a", "b", "c", "d"}
    assert set(chosen["sentence"]) <= set(many["sentence"])


def test_those_with_an_interval_come_first() -> None:
    chosen = choose_findings(findings(**{"02_disagreement": 4}), most=2)
    assert chosen["ci_low"].notna().all()


def test_experiments_take_turns() -> None:
    chosen = choose_findings(findings(**{"13_pool__a": 5, "13_pool__b": 5}), most=4)
    assert chosen["notebook"].value_counts().to_dict() == {"13_pool-a": 2, "13_pool-b": 2}


def test_few_findings_are_all_there() -> None:
    assert len(choose_findings(findings(a=2, b=1))) == 3
    assert choose_findings(findings()).empty


def test_the_files(tmp_path: Path, root: Path) -> None:
    study = load_study(root / "configs" / "tiny.yaml", results=tmp_path)
    made = [make_finding("x", "Women rate higher.", 0.1, 0.05, 0.15, 12, simulated=True)]
    write_findings(made, study.findings / "04_demographic_effects.json")
    text = write_chosen(study).read_text(encoding="utf-8")
    assert "1. Simulated data: Women rate higher. (04_demographic_effects)" in text
    (row,) = json.loads((study.root / "findings.json").read_text(encoding="utf-8"))
    assert row["notebook"] == "04_demographic_effects"
    assert row["value"] == 0.1
