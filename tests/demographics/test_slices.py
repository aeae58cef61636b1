"""Shares of slices: against a direct computation, and hidden where few people rated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from plural_core.agreement.intervals import wilson
from plural_core.demographics.slices import slice_shares


def drawn(seed: int, raters: int = 40, items: int = 15, per_rater: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(raters), per_rater)
    what = rng.random((raters, items)).argsort(axis=1)[:, :per_rater].ravel()
    eta = rng.normal(size=raters)[who] + rng.normal(size=items)[what]
    agree = (rng.random(len(who)) < 1 / (1 + np.exp(-eta))).astype(int)
    return pd.DataFrame({"participant": who, "item": what, "cell": np.where(who % 2, "x", "y"), "agree": agree})


def counts(ratings: pd.DataFrame, by: str) -> pd.DataFrame:
    grouped = ratings.groupby(["cell", by], sort=False)["agree"]
    return pd.DataFrame({"n": grouped.size(), "agree": grouped.sum()}).reset_index()


def test_the_interval_is_the_two_way_clustered_one() -> None:
    ratings = drawn(1)
    table = slice_shares(counts(ratings, "participant"), counts(ratings, "item"), k=10).set_index("cell")
    for cell, part in ratings.groupby("cell"):
        y, n = part["agree"].to_numpy(dtype=float), len(part)
        share = y.mean()
        influence = (y - share) / n
        by = [
            pd.Series(influence).groupby(part[name].to_numpy()).sum().pow(2).sum() for name in ("participant", "item")
        ]
        variance = max(sum(by) - (influence**2).sum(), *by)
        raters = part["participant"].nunique()
        half = student.ppf(0.975, raters - 1) * np.sqrt(variance) / (share * (1 - share))
        logit = np.log(share / (1 - share))
        row = table.loc[cell]
        assert row["n_participants"] == raters
        assert row["n_ratings"] == n
        assert row["share"] == pytest.approx(share)
        assert row["std_error"] == pytest.approx(np.sqrt(variance))
        assert row["ci_low"] == pytest.approx(1 / (1 + np.exp(half - logit)))
        assert row["ci_high"] == pytest.approx(1 / (1 + np.exp(-half - logit)))


def test_few_raters_are_hidden_with_all_their_numbers() -> None:
    ratings = drawn(2)
    few = ratings[(ratings["cell"] == "x") | ratings["participant"].isin([0, 2, 4])]
    table = slice_shares(counts(few, "participant"), counts(few, "item"), k=10).set_index("cell")
    numbers = ["n_participants", "n_ratings", "share", "std_error", "ci_low", "ci_high"]
    assert table.loc["y", numbers].isna().all()
    assert table.loc["y", "note"] == "not shown: fewer than 10 participants"
    assert table.loc["x", numbers].notna().all()


@pytest.mark.parametrize("value", [0, 1])
def test_where_all_say_the_same_raters_are_the_trials(value: int) -> None:
    ratings = drawn(3).assign(agree=value)
    table = slice_shares(counts(ratings, "participant"), counts(ratings, "item"), k=10)
    low, high = wilson(20 * value, 20, 0.95)
    np.testing.assert_allclose(table["ci_low"], float(low))
    np.testing.assert_allclose(table["ci_high"], float(high))


def test_the_interval_covers() -> None:
    """Over 100 draws with rater and item effects, 90 % intervals hold the true share about as often as they say."""
    hits, trials = 0, 100
    truth = np.mean([drawn(seed, raters=400)["agree"].mean() for seed in range(10_000, 10_008)])
    for seed in range(trials):
        ratings = drawn(seed, raters=60, items=60)
        row = slice_shares(
            counts(ratings.assign(cell="all"), "participant"), counts(ratings.assign(cell="all"), "item"), 2, 0.9
        ).iloc[0]
        hits += row["ci_low"] <= truth <= row["ci_high"]
    assert 0.80 < hits / trials <= 0.99


def test_no_rating_no_row() -> None:
    empty = pd.DataFrame({"cell": pd.Series(dtype=object), "n": [], "agree": []})
    assert slice_shares(empty, empty, 10).empty
