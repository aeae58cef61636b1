"""Co-occurrence of agreeing ratings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from plural_core.agreement.cooccurrence import cooccurrence_table
from plural_core.agreement.intervals import resampled, unique_rows, wilson


def test_equals_a_plain_computation_over_rows_that_have_both(make_study, make_config):
    tables, config = make_study(missing=0.3), make_config()
    table = cooccurrence_table(tables, config).set_index(["row", "column"])
    wide = tables.ratings.pivot(index=["participant_id", "item_id"], columns="dimension", values="rating")
    both = wide.dropna()
    assert 0 < len(both) < len(wide)
    for row, column in (("harm", "care"), ("care", "harm")):
        given = both[both[row] >= 4]
        found = table.loc[(row, column)]
        assert found["probability"] == pytest.approx((given[column] >= 4).mean())
        assert (found["n_both"], found["n_row"], found["n_ratings"]) == (
            (given[column] >= 4).sum(),
            len(given),
            len(both),
        )
    assert (table.loc[[("harm", "harm"), ("care", "care")], "probability"] == 1).all()
    assert table.loc[[("harm", "harm")], "ci_low"].isna().all()


def test_each_dimension_has_its_own_agree_level(make_study, make_config):
    tables = make_study()
    strict = make_config()
    dimensions = {n: d.model_dump() | {"agree_from": 2, "disagree_to": 1} for n, d in strict.dimensions.items()}
    mild = make_config(dimensions=dimensions)
    assert (
        cooccurrence_table(tables, mild)["n_row"].to_numpy() > cooccurrence_table(tables, strict)["n_row"].to_numpy()
    ).all()


def test_a_row_that_nobody_agrees_with_is_not_estimable(make_study, make_config):
    tables, config = make_study(), make_config()
    low = tables.ratings.assign(rating=np.where(tables.ratings["dimension"] == "harm", 1, tables.ratings["rating"]))
    table = cooccurrence_table(type(tables)(low, tables.items, tables.participants), config)
    rows = table.query("row == 'harm'")
    assert rows["probability"].isna().all()
    assert rows["note"].str.startswith("not estimable").all()


def test_wilson_equals_statsmodels_and_is_exact_at_its_ends():
    x, n = np.array([0, 1, 7, 20]), np.array([20, 20, 20, 20])
    low, high = wilson(x, n, 0.9)
    for i in range(4):
        expected = proportion_confint(x[i], n[i], alpha=0.1, method="wilson")
        assert (low[i], high[i]) == pytest.approx(expected, abs=1e-12)
    assert (low[0], high[3]) == (0, 1)
    assert np.isnan(wilson(0, 0, 0.9)).all()


@pytest.mark.parametrize("kind", [int, float])
def test_unique_rows_are_those_of_numpy(kind):
    matrix = np.random.default_rng(0).integers(0, 3, (500, 6)).astype(kind)
    rows, frequency = unique_rows(matrix)
    expected, counts = np.unique(matrix, axis=0, return_counts=True)
    found = pd.DataFrame(rows).assign(n=frequency).sort_values([*range(6)], ignore_index=True)
    np.testing.assert_array_equal(found.to_numpy(), np.column_stack([expected, counts]))


def test_resampled_weights_count_as_many_items_as_there_are():
    parts = list(resampled(np.random.default_rng(0), np.array([5, 1, 4]), 50))
    assert sum(len(p) for p in parts) == 50
    assert all((p.sum(axis=1) == 10).all() for p in parts)
