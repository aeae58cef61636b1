"""Participants: categories of the instrument, shares of the config."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from plural_core.simulation import simulate
from plural_core.simulation.population import quotas
from plural_core.study import instrument
from plural_core.study.simulation_config import PopulationConfig


def test_shares_are_those_of_the_config(full, make_config):
    people = full.tables.participants
    shares = make_config().simulation.population
    for factor in ("country", "gender", "age_band", "political"):
        found = people[factor].value_counts(normalize=True)
        for level, share in getattr(shares, factor).items():
            assert found[level] == pytest.approx(share, abs=1.5 / 1095)
    for country, part in people.groupby("country"):
        found = part["ethnicity"].value_counts(normalize=True)
        for level, share in shares.ethnicity[country].items():
            assert found.get(level, 0.0) == pytest.approx(share, abs=1.5 / 547)


def test_groups_that_the_paper_calls_underrepresented_are_few(full):
    people = full.tables.participants
    assert (people["political"] == "conservative").mean() < (people["political"] == "liberal").mean() / 2
    assert (people["gender"] == "non-binary").mean() < 0.05
    assert people["age_band"].isin(["51-60", "over 60"]).mean() < 0.2


def test_categories_are_those_of_the_instrument_and_none_is_missing(full):
    people = full.tables.participants
    for factor, settings in instrument.factors().items():
        assert set(people[factor]) == set(settings["levels"])
    assert not people.drop(columns="passed_attention").isna().any().any()


def test_attention_check_stood_in_the_english_survey_only(full):
    people = full.tables.participants
    assert people.loc[people["country"] == "US", "passed_attention"].eq(True).all()
    assert people.loc[people["country"] == "Germany", "passed_attention"].isna().all()


def test_declined_values_are_missing_and_change_no_rating(make_config):
    settings = {"participants": 100, "test_prompts": 0, "acceptance_prompts": 0}
    stated = simulate(make_config(**settings))
    declined = simulate(make_config(**settings, population={"declined": 0.07}))
    people = declined.tables.participants
    assert people[["gender", "age_band", "political", "ethnicity"]].isna().sum().tolist() == [7, 7, 7, 7]
    assert people["country"].notna().all()
    pd.testing.assert_frame_equal(stated.tables.ratings, declined.tables.ratings)


def test_truth_counts_the_population(full):
    truth = full.truth["truth_population"]
    assert truth.query("factor == 'gender'")["n"].sum() == 1095
    black = truth.query("factor == 'ethnicity' and level == 'Black'")["n"].sum()
    assert black == (full.tables.participants["ethnicity"] == "Black").sum()


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=6), st.integers(0, 5000))
def test_quotas_sum_and_stay_within_one(weights, n):
    shares = {str(i): w / sum(weights) for i, w in enumerate(weights)}
    counts = quotas(shares, n)
    assert sum(counts.values()) == n
    assert all(abs(counts[level] - share * n) < 1 + 1e-6 for level, share in shares.items())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gender": {"female": 0.5, "male": 0.4}}, "gender: shares sum to 0.9"),
        ({"gender": {"female": 1.2, "male": -0.2}}, "a share is negative"),
        ({"country": {"US": 0.5, "France": 0.5}}, "knows US and Germany, not 'France'"),
        ({"ethnicity": {"US": {"White": 1.0}}}, "no shares for country 'Germany'"),
    ],
)
def test_bad_shares(settings, message):
    with pytest.raises(ValidationError, match=message):
        PopulationConfig.model_validate(settings)


def test_one_country(make_config):
    population = {"country": {"US": 1.0}, "ethnicity": {"US": {"White": 0.9, "Black": 0.1}}}
    study = simulate(make_config(participants=60, population=population))
    assert set(study.tables.items["language"]) == {"en"}
    assert set(study.tables.participants["country"]) == {"US"}
