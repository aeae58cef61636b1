"""Krippendorff's alpha against the krippendorff package, on random and on real ratings."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plural_core.agreement.alpha import (
    alpha_table,
    bootstrap_alpha,
    coincidences,
    krippendorff_alpha,
    pooled_coincidences,
)
from plural_core.agreement.counts import code_ratings, item_counts
from plural_core.ratings.adapters import ingest
from plural_core.study import load_study

METRICS = ["ordinal", "nominal", "interval"]


def random_ratings(seed: int, raters: int, items: int, levels: int, missing: float) -> np.ndarray:
    """Return ratings (raters x items) with item effects, NaN where a rater did not rate an item."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(1, levels + 1, items)
    ratings = np.where(rng.random((raters, items)) < 0.5, truth, rng.integers(1, levels + 1, (raters, items)))
    return np.where(rng.random((raters, items)) < missing, np.nan, ratings.astype(float))


def counts_of(ratings: np.ndarray, levels: int) -> np.ndarray:
    return np.stack([(ratings == level).sum(axis=0) for level in range(1, levels + 1)], axis=1)


def peer(ratings: np.ndarray, levels: int, metric: str) -> float:
    return krippendorff.alpha(
        reliability_data=ratings, level_of_measurement=metric, value_domain=list(range(1, levels + 1))
    )


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 8),
    st.integers(2, 40),
    st.integers(2, 7),
    st.floats(0, 0.7),
    st.sampled_from(METRICS),
)
def test_equals_the_krippendorff_package_with_missing_cells(seed, raters, items, levels, missing, metric):
    ratings = random_ratings(seed, raters, items, levels, missing)
    counts = counts_of(ratings, levels)
    pairable = counts[counts.sum(axis=1) >= 2]
    if np.count_nonzero(pairable.sum(axis=0)) < 2:
        assert np.isnan(krippendorff_alpha(counts, metric).alpha)
        return
    assert krippendorff_alpha(counts, metric).alpha == pytest.approx(peer(ratings, levels, metric), abs=1e-9)


def test_the_published_example_of_krippendorff_2011():
    # Four observers, twelve units, five values: nominal 0.743, ordinal 0.815, interval 0.849.
    data = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, np.nan, np.nan, np.nan],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, np.nan, 3],
            [np.nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, np.nan],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, np.nan],
        ]
    )
    found = [round(krippendorff_alpha(counts_of(data, 5), metric).alpha, 3) for metric in METRICS]
    assert found == [0.815, 0.743, 0.849]


def test_pooled_coincidences_are_the_sum_of_the_items_own():
    counts = counts_of(random_ratings(3, 6, 50, 4, 0.2), 4)
    counts = counts[counts.sum(axis=1) >= 2]
    np.testing.assert_allclose(pooled_coincidences(counts), coincidences(counts).sum(axis=0), atol=1e-10)


def test_the_bootstrap_over_patterns_is_a_bootstrap_over_items():
    counts = counts_of(random_ratings(4, 3, 120, 3, 0.1), 3)
    counts = counts[counts.sum(axis=1) >= 2]
    rng = np.random.default_rng(0)
    plain = [krippendorff_alpha(counts[rng.integers(0, len(counts), len(counts))]).alpha for _ in range(3000)]
    fast = bootstrap_alpha(counts, "ordinal", 3000, np.random.default_rng(1))
    spread = np.std(plain)
    assert np.mean(fast) == pytest.approx(np.mean(plain), abs=4 * spread * np.sqrt(2 / 3000))
    assert np.std(fast) == pytest.approx(spread, rel=0.08)
    # The bootstrap's middle is alpha itself, less a bias of the order of one over the number of items.
    assert np.median(fast) == pytest.approx(krippendorff_alpha(counts).alpha, abs=0.2 * spread + 0.01)


def test_draws_depend_on_the_generator_only():
    counts = counts_of(random_ratings(5, 4, 60, 5, 0.1), 5)
    first, second, third = (krippendorff_alpha(counts, draws=200, rng=np.random.default_rng(s)) for s in (1, 1, 2))
    assert first == second != third
    assert first.ci_low < first.alpha < first.ci_high


def test_without_an_item_rated_twice_or_without_variation_alpha_is_not_estimable():
    assert np.isnan(krippendorff_alpha(np.eye(5, dtype=int)).alpha)
    assert np.isnan(krippendorff_alpha(np.array([[3, 0], [2, 0]])).alpha)
    assert np.isnan(krippendorff_alpha(np.empty((0, 5), dtype=int)).alpha)


def test_an_unknown_metric_and_a_bootstrap_without_a_generator_are_refused():
    with pytest.raises(ValueError, match="unknown metric"):
        krippendorff_alpha(np.array([[1, 1]]), "ratio")
    with pytest.raises(ValueError, match="rng"):
        krippendorff_alpha(np.array([[2, 1], [0, 2]]), draws=10)


def test_the_table_holds_everybody_and_every_shown_level(make_study, make_config, shown):
    tables, config = make_study(), make_config(agreement={"bootstrap": 100})
    table = alpha_table(tables, config, shown(tables, config), np.random.default_rng(0))
    assert len(table) == 2 * (1 + 2 + 2)
    assert (table["note"] == "").all()
    assert (table["ci_low"] < table["alpha"]).all()
    assert (table["alpha"] < table["ci_high"]).all()
    women = tables.participants.query("gender == 'female'")["participant_id"]
    matrix = (
        tables.ratings.query("dimension == 'harm' and participant_id in @women")
        .pivot(index="participant_id", columns="item_id", values="rating")
        .to_numpy()
    )
    row = table.query("dimension == 'harm' and level == 'female'").iloc[0]
    assert row["alpha"] == pytest.approx(peer(matrix, 5, "ordinal"), abs=1e-9)
    assert row["n_participants"] == len(women)
    assert row["n_ratings"] == (~np.isnan(matrix))[:, (~np.isnan(matrix)).sum(axis=0) >= 2].sum()


def test_a_group_of_whom_few_rated_a_dimension_is_not_shown(make_study, make_config, shown):
    tables, config = make_study(), make_config()
    women = tables.participants.query("gender == 'female'")["participant_id"].tolist()
    gone = tables.ratings["participant_id"].isin(women[5:]) & (tables.ratings["dimension"] == "care")
    fewer = type(tables)(tables.ratings[~gone], tables.items, tables.participants)
    table = alpha_table(fewer, config, shown(fewer, config))
    row = table.query("dimension == 'care' and level == 'female'").iloc[0]
    assert np.isnan(row["alpha"])
    assert row["note"] == "not shown: fewer than 10 participants"
    assert row["n_items"] == row["n_ratings"] == 0


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "file"), [("popquorn", "popquorn/raw_data.csv"), ("sbic", "sbic/SBIC.v2.dev.without_text.csv")]
)
def test_equals_the_krippendorff_package_on_real_ratings(name, file, root, real_data):
    study = load_study(root / "configs" / f"{name}.yaml", [f"data.path={real_data / file}"])
    tables = ingest(study.config).tables
    checked = 0
    for ratings in code_ratings(tables, study.config).dimensions:
        counts = item_counts(ratings).counts
        for metric in METRICS:
            expected = krippendorff.alpha(
                value_counts=counts, level_of_measurement=metric, value_domain=list(range(1, ratings.levels + 1))
            )
            assert krippendorff_alpha(counts, metric).alpha == pytest.approx(expected, abs=1e-9)
            checked += 1
        wide = tables.ratings.query("dimension == @ratings.name").pivot(
            index="participant_id", columns="item_id", values="rating"
        )
        expected = peer(wide.to_numpy(dtype=float), ratings.levels, "ordinal")
        assert krippendorff_alpha(counts).alpha == pytest.approx(expected, abs=1e-9)
    assert checked == 3 * len(study.config.dimensions)
