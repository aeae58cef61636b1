"""Models and raters: two variances added, t on R − 1 degrees of freedom."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from plural_core.pooling.replicates import with_raters
from plural_core.ratings.schemas import check_table


def pooled(estimate: float, std_error: float = 0.03, contrast: str = "female - male") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "experiment": ["demographic"],
            "contrast": contrast,
            "dimension": "toxicity",
            "judge": "lexicon",
            "estimate": estimate,
            "std_error": std_error,
        }
    )


def test_two_replicates_by_hand() -> None:
    # Between 0.02 and 0.10 the variance is 0.08² / 2 = 0.0032; t on one degree of freedom is Cauchy's distribution.
    table = check_table(with_raters(pooled(0.05), [pooled(0.02), pooled(0.10)], 0.95), "pooled_raters")
    row = table.iloc[0]
    error = math.sqrt(0.03**2 + 0.0032)
    assert row["variance_models"] == pytest.approx(0.0009)
    assert row["variance_raters"] == pytest.approx(0.0032)
    assert row["std_error"] == pytest.approx(error)
    assert row["estimate"] == 0.05  # that of the participants as they are
    assert row["ci_high"] - 0.05 == pytest.approx(error * math.tan(math.pi * 0.475))
    assert row["p_value"] == pytest.approx(1 - 2 * math.atan(0.05 / error) / math.pi)
    assert (row["df"], row["replicates"]) == (1, 2)


def test_equal_replicates_add_nothing_but_a_wider_quantile() -> None:
    row = with_raters(pooled(0.05), [pooled(0.07)] * 5, 0.95).iloc[0]
    assert row["variance_raters"] == pytest.approx(0.0, abs=1e-18)
    assert row["std_error"] == pytest.approx(0.03)
    assert row["ci_high"] - row["ci_low"] == pytest.approx(2 * 2.776445105 * 0.03)  # t, 4 degrees of freedom


def test_a_contrast_with_one_replicate_is_not_in_it() -> None:
    own = pd.concat([pooled(0.05), pooled(0.01, contrast="white - black")], ignore_index=True)
    table = with_raters(own, [own, own.iloc[:1]], 0.95)
    assert table["contrast"].tolist() == ["female - male"]
    assert with_raters(own, [], 0.95).empty
