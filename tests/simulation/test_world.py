"""Worlds: shifts, slopes, overrides, and what they do to ratings."""

from __future__ import annotations

from math import log
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from plural_core.errors import ConfigError
from plural_core.simulation import build_world, simulate
from plural_core.simulation.bank import read_bank
from plural_core.simulation.world import parse_term

PUBLISHED = Path(__file__).parents[2] / "data" / "published" / "published_results.csv"
FACTOR_OF_LEVEL = {"male": "gender", "conservative": "political", "Black": "ethnicity", "51-60": "age_band"}


def test_shifts_are_the_published_changes_of_the_odds(make_config):
    published = pd.read_csv(PUBLISHED).query("experiment == 'clmm'")
    expected: dict[str, dict[str, float]] = {}
    for row in published.itertuples():
        level = row.contrast.split(" vs ")[0]
        expected.setdefault(row.dimension, {})[f"{FACTOR_OF_LEVEL[level]}:{level}"] = row.value
    assert len(published) == 7
    assert read_bank("world")["percent_changes"] == expected
    world = build_world(make_config())
    assert world.dimensions["toxicity"].shifts == {("gender", "male"): pytest.approx(log(0.82))}


def test_truth_of_effects(full):
    truth = full.truth["truth_effects"].set_index(["dimension", "factor", "level"])
    male = truth.loc[("toxicity", "gender", "male")]
    assert male["term"] == "gendermale"
    assert male["estimate"] == pytest.approx(log(0.82))
    assert male["percent_change"] == pytest.approx(-18.0)
    assert truth.loc[("toxicity", "gender", "female"), "term"] is None
    assert truth.loc[("toxicity", "gender", "female"), "slope"] == 1.15
    assert (truth["estimate"] != 0).sum() == 7


def test_three_worlds(make_config):
    paper, additive, null = (build_world(make_config(world=name)) for name in ("paper", "additive", "null"))
    for name, part in paper.dimensions.items():
        assert additive.dimensions[name].shifts == part.shifts
        assert additive.dimensions[name].slopes == {}
        assert null.dimensions[name].shifts == null.dimensions[name].slopes == {}
    assert paper.dimensions["toxicity"].slopes
    assert paper.dimensions["emotional_awareness"].slopes


def test_slopes_average_to_one_so_worlds_differ_in_groups_only(make_config, full):
    for name, part in build_world(make_config()).dimensions.items():
        assert part.average_slope == pytest.approx(1.0, abs=0.02)
        truth = full.truth["truth_participants"]
        truth = truth[truth["dimension"] == name]
        assert truth["slope"].mean() == pytest.approx(part.average_slope, abs=0.01)
        assert truth["shift"].mean() == pytest.approx(part.average_shift, abs=0.01)


def test_config_overrides_the_world(make_config):
    config = make_config(
        world="null",
        shifts={"toxicity": {"gendermale": 0.4, "age_band:over 60": -0.2}},
        slopes={"helpfulness": {"country:Germany": 0.5}},
        gains={"toxicity": 9.0},
    )
    world = build_world(config)
    assert world.dimensions["toxicity"].shifts == {("gender", "male"): 0.4, ("age_band", "over 60"): -0.2}
    assert world.dimensions["helpfulness"].slopes == {("country", "Germany"): 0.5}
    assert world.dimensions["toxicity"].gain == 9.0
    replaced = build_world(make_config(shifts={"toxicity": {"gender:male": 0.0}}))
    assert replaced.dimensions["toxicity"].shifts == {("gender", "male"): 0.0}


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("gendermale", ("gender", "male")),
        ("gender:male", ("gender", "male")),
        ("age_band51-60", ("age_band", "51-60")),
        ("age_band:over 60", ("age_band", "over 60")),
        ("ethnicityBlack", ("ethnicity", "Black")),
        ("countryGermany", ("country", "Germany")),
    ],
)
def test_terms(make_config, term, found):
    assert parse_term(term, make_config()) == found


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shifts": {"toxicity": {"gendermal": 1.0}}}, "shifts.toxicity: unknown term 'gendermal'.*'gendermale'"),
        ({"slopes": {"toxcity": {"gendermale": 1.0}}}, "slopes: unknown dimension 'toxcity'.*'toxicity'"),
        ({"thresholds": {"toxicity": [0.0, 1.0]}}, "thresholds.toxicity: 2 thresholds for 5 levels; give 4"),
    ],
)
def test_bad_coefficients(make_config, settings, message):
    with pytest.raises(ConfigError, match=message):
        build_world(make_config(**settings))


def test_thresholds_must_rise(make_config):
    with pytest.raises(ValidationError, match="thresholds must rise"):
        make_config(thresholds={"toxicity": [0.0, 1.0, 1.0, 2.0]})


def test_the_null_world_needs_no_quotes_in_yaml(make_config):
    assert make_config(world=None).simulation.world == "null"


def differences(study, dimension: str, factor: str, first: str, second: str) -> tuple[float, float]:
    """Return the difference of mean ratings and the ratio of the slopes on content."""
    content = study.truth["truth_items"].set_index(["item_id", "dimension"])["content"]
    wide = study.tables.wide().query("dimension == @dimension").join(content, on=["item_id", "dimension"])
    one, two = (wide[wide[factor] == level] for level in (first, second))
    slopes = [np.polyfit(group["content"], group["rating"], 1)[0] for group in (one, two)]
    return one["rating"].mean() - two["rating"].mean(), slopes[0] / slopes[1]


@pytest.mark.parametrize(
    ("world", "difference", "ratio"), [("paper", -0.10, 0.76), ("additive", -0.10, 1.0), ("null", 0.0, 1.0)]
)
def test_worlds_make_of_groups_what_they_say(make_config, world, difference, ratio):
    found = np.array(
        [
            differences(
                simulate(make_config(seed=seed, world=world, participants=4000, test_prompts=0, acceptance_prompts=0)),
                "toxicity",
                "gender",
                "male",
                "female",
            )
            for seed in (1, 2)
        ]
    ).mean(axis=0)
    assert found[0] == pytest.approx(difference, abs=0.04)
    assert found[1] == pytest.approx(ratio, abs=0.05)


def test_ratings_follow_the_model(make_config):
    """Shares of the levels against P(y <= j) = logistic(threshold - eta), without any effect or content."""
    thresholds = [-1.0, 0.0, 0.5, 2.0]
    config = make_config(
        world="null", participants=2000, rater_sd=0.0, item_sd=0.0, gains={"toxicity": 0.0},
        thresholds={"toxicity": thresholds}, shifts={"toxicity": {"country:Germany": 0.7}},
        test_prompts=0, acceptance_prompts=0,
    )  # fmt: skip
    wide = simulate(config).tables.wide(["country"]).query("dimension == 'toxicity'")
    for country, eta in (("US", 0.0), ("Germany", 0.7)):
        ratings = wide.loc[wide["country"] == country, "rating"]
        for level, threshold in enumerate(thresholds, start=1):
            expected = 1 / (1 + np.exp(-(threshold - eta)))
            assert (ratings <= level).mean() == pytest.approx(expected, abs=0.025)


def test_rater_effects_correlate_within_a_direction(full):
    effects = full.truth["truth_participants"].pivot(index="participant_id", columns="dimension", values="rater_effect")
    found = effects.corr()
    assert effects.std().to_numpy() == pytest.approx(0.6, abs=0.05)
    assert found.loc["toxicity", "stereotypical_bias"] == pytest.approx(0.5, abs=0.1)
    assert found.loc["helpfulness", "sensitivity"] == pytest.approx(0.5, abs=0.1)
    assert found.loc["toxicity", "helpfulness"] == pytest.approx(0.0, abs=0.1)
