"""One family left out: the pooled effect of the others, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from plural_core.pooling.left_out import leave_one_out_table
from plural_core.study import StudyConfig


def one_contrast(families: list[str], estimates: list[float], errors: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "experiment": "scale",
            "contrast": "5 points - binary",
            "dimension": "toxicity",
            "judge": "lexicon",
            "family": families,
            "estimate": estimates,
            "std_error": errors,
            "n_prompts": 60,
        }
    )


def test_two_that_are_left_are_pooled_as_by_hand(config: StudyConfig) -> None:
    # Leaving a out: weights 1/0.1² and 1/0.2²; Q = (0.3 − 0.2)² / (0.1² + 0.2²) = 0.2 < 1, so tau² is 0.
    table = leave_one_out_table(one_contrast(["a", "b", "c"], [9.0, 0.2, 0.3], [0.1, 0.1, 0.2]), config)
    row = table[table["left_out"] == "a"].iloc[0]
    assert row["estimate"] == pytest.approx((100 * 0.2 + 25 * 0.3) / 125)
    assert row["std_error"] == pytest.approx(125**-0.5)
    assert row["tau2"] == 0.0
    assert row["k"] == 2


def test_of_two_each_is_left_alone(config: StudyConfig) -> None:
    table = leave_one_out_table(one_contrast(["a", "b"], [0.1, 0.4], [0.1, 0.2]), config).set_index("left_out")
    assert table.loc["a", "estimate"] == pytest.approx(0.4)
    assert table.loc["b", "std_error"] == pytest.approx(0.1)


def test_one_family_has_nothing_to_leave_out(config: StudyConfig) -> None:
    assert leave_one_out_table(one_contrast(["a"], [0.1], [0.1]), config).empty
    assert leave_one_out_table(one_contrast(["a", "b"], [0.1, float("nan")], [0.1, 0.1]), config).empty
