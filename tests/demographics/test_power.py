"""Power of a study's design: formulas, planned designs, tables, and the approximation against simulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from plural_core.demographics.planned import item_pools, planned_design
from plural_core.demographics.power import PowerAnalysis, power_analysis, wald_power, wanted_ratio
from plural_core.demographics.power_views import curve_rows, detectable_rows, needed_rows, power_findings
from plural_core.errors import PluralError
from plural_core.ratings.privacy import protect
from plural_core.ratings.schemas import check_table
from plural_core.ratings.tables import RatingTables, complete_participants
from plural_core.study import StudyConfig

LEVELS = {"gender": ["female", "male"], "country": ["US", "Germany"]}


def config(**power: object) -> StudyConfig:
    return StudyConfig.model_validate(
        {
            "study": "small",
            "data": {"adapter": "table", "path": "none.csv"},
            "dimensions": {"harm": {"label": "Harm", "levels": 3}, "care": {"label": "Care", "levels": 3}},
            "factors": {name: {"levels": levels} for name, levels in LEVELS.items()},
            "power": {"participants": [50, 100, 400], "percent_changes": [30.0, 100.0], **power},
        }
    )


@cache
def study(raters: int = 100, items: int = 60, each: int = 6) -> RatingTables:
    """Each country rates its own items; men are a third."""
    rng = np.random.default_rng(5)
    people = pd.DataFrame(
        {
            "participant_id": [f"p{k:03}" for k in range(raters)],
            "gender": np.where(np.arange(raters) % 3 == 0, "male", "female"),
            "country": np.where(np.arange(raters) < raters // 2, "US", "Germany"),
        }
    )
    item, rows = rng.normal(0, 1, items), []
    for k, country in enumerate(people["country"]):
        own = np.arange(items // 2) + (0 if country == "US" else items // 2)
        person = rng.normal(0, 0.7)
        for position, i in enumerate(rng.choice(own, each, replace=False), start=1):
            for dimension in ("harm", "care"):
                latent = person + item[i] + rng.logistic()
                level = 1 + int(latent > -0.7) + int(latent > 0.9)
                rows.append((f"p{k:03}", f"i{i:03}", dimension, level, position))
    ratings = pd.DataFrame(rows, columns=["participant_id", "item_id", "dimension", "rating", "position"])
    ids = [f"i{i:03}" for i in range(items)]
    table = pd.DataFrame({"item_id": ids, "prompt_id": ids}).assign(
        prompt=None, response=None, language=None, source=None
    )
    return RatingTables(ratings, table, complete_participants(people))


@cache
def _analysis(options: tuple[tuple[str, object], ...]) -> PowerAnalysis:
    settings = config(**{k: list(v) if isinstance(v, tuple) else v for k, v in options})
    tables = study()
    return power_analysis(tables, protect(tables.participants, settings.factors, 10), settings)


@pytest.fixture
def analysis() -> Callable[..., PowerAnalysis]:
    return lambda **options: _analysis(tuple(sorted(options.items())))


def frame(raters: int = 100) -> pd.DataFrame:
    tables = study(raters)
    people = tables.participants.set_index("participant_id")
    rows = tables.ratings[tables.ratings["dimension"] == "harm"]
    found = pd.DataFrame({"participant": rows["participant_id"].to_numpy(), "item": rows["item_id"].to_numpy()})
    for name, levels in LEVELS.items():
        found[name] = pd.Categorical(people.loc[found["participant"], name], categories=levels)
    return found


class TestFormulas:
    def test_no_effect_is_found_as_often_as_the_level_says(self) -> None:
        assert wald_power(0.0, 0.3, 0.05) == pytest.approx(0.05)

    def test_the_textbook_value(self) -> None:
        # An effect of z(.975) + z(.80) = 2.80 standard errors has 80 % power.
        assert wanted_ratio(0.8, 0.05) == pytest.approx(norm.ppf(0.975) + norm.ppf(0.8), abs=1e-4)

    @pytest.mark.parametrize("target", [0.3, 0.8, 0.99])
    def test_ratio_and_power_are_inverse(self, target: float) -> None:
        assert wald_power(wanted_ratio(target, 0.01), 1.0, 0.01) == pytest.approx(target)

    def test_the_sign_does_not_matter(self) -> None:
        assert wald_power(-0.4, 0.2, 0.05) == wald_power(0.4, 0.2, 0.05)


class TestPlannedDesign:
    @pytest.mark.parametrize("n", [37, 100, 250])
    @pytest.mark.parametrize("items", ["more", "same"])
    def test_shares_and_ratings_each_stay(self, n: int, items: str) -> None:
        planned = planned_design(frame(), LEVELS, n, items, np.random.default_rng(1))
        people = planned.drop_duplicates("participant")
        assert len(people) == n
        assert len(planned) == 6 * n
        assert (people["gender"] == "male").mean() == pytest.approx(0.34, abs=1.5 / n)
        assert (people["country"] == "US").mean() == pytest.approx(0.5, abs=1.5 / n)

    @pytest.mark.parametrize("n", [37, 250])
    def test_new_items_have_as_many_raters_as_the_study(self, n: int) -> None:
        planned = planned_design(frame(), LEVELS, n, "more", np.random.default_rng(1))
        assert len(planned) / planned["item"].nunique() == pytest.approx(600 / 60, rel=0.15)
        assert not planned.duplicated(["participant", "item"]).any()

    def test_items_stay_within_their_country(self) -> None:
        assert item_pools(frame(), list(LEVELS)) == ["country"]
        planned = planned_design(frame(), LEVELS, 250, "more", np.random.default_rng(1))
        assert planned.groupby("item")["country"].nunique().max() == 1
        assert planned.groupby("item")["gender"].nunique().max() == 2

    def test_the_same_items_are_kept(self) -> None:
        planned = planned_design(frame(), LEVELS, 300, "same", np.random.default_rng(1))
        assert set(planned["item"]) == set(frame()["item"])


class TestTables:
    def test_they_follow_their_schemas(self, analysis: Callable[..., PowerAnalysis]) -> None:
        found = analysis()
        for name, table in (
            ("power", found.power),
            ("power_needed", found.needed),
            ("detectable_changes", found.detectable),
        ):
            assert len(check_table(table, name)) == len(table) > 0

    def test_the_studys_own_size_is_looked_at(self, analysis: Callable[..., PowerAnalysis]) -> None:
        assert sorted(analysis().power["participants"].unique()) == [50, 100, 400]
        assert 100 in analysis(participants=(50, 400)).power["participants"].unique()

    def test_power_rises_with_raters_and_with_the_change(self, analysis: Callable[..., PowerAnalysis]) -> None:
        table = analysis().power
        by_raters = table.pivot_table(
            "power", index=["dimension", "level", "percent_change"], columns="participants"
        ).to_numpy()
        assert (np.diff(by_raters) > 0).all()
        assert (by_raters >= 0.05).all()
        by_change = table.pivot_table(
            "power", index=["dimension", "level", "participants"], columns="percent_change"
        ).to_numpy()
        assert (np.diff(by_change) > 0).all()

    def test_the_raters_needed_have_the_power_that_was_wanted(self, analysis: Callable[..., PowerAnalysis]) -> None:
        found = analysis()
        needed = found.needed
        for row in needed.to_dict("records"):
            own = found.detectable.query("dimension == @row['dimension'] and level == @row['level']").iloc[0]
            effect = math.log1p(row["percent_change"] / 100)
            for n, alpha in ((row["participants"], 0.05), (row["participants_adjusted"], 0.05 / found.n_tests)):
                error = [own["std_error"] * math.sqrt(100 / m) for m in (n, n - 1)]
                assert wald_power(effect, error[0], alpha) >= 0.8 > wald_power(effect, error[1], alpha)
        assert found.n_tests == 4
        assert (needed["participants_adjusted"] > needed["participants"]).all()

    def test_the_smallest_change_seen_has_that_power(self, analysis: Callable[..., PowerAnalysis]) -> None:
        for row in analysis().detectable.to_dict("records"):
            rise, fall = math.log1p(row["rise"] / 100), math.log1p(row["fall"] / 100)
            assert rise == pytest.approx(-fall)
            assert wald_power(rise, row["std_error"], 0.05) == pytest.approx(0.8)

    def test_shares_are_those_of_everybody(self, analysis: Callable[..., PowerAnalysis]) -> None:
        shares = analysis().detectable.set_index(["dimension", "level"])["share"]
        assert shares["harm", "male"] == pytest.approx(0.34)

    def test_one_dimension_may_be_chosen(self, analysis: Callable[..., PowerAnalysis]) -> None:
        found = analysis(dimensions=("care",))
        assert set(found.power["dimension"]) == {"care"}
        assert found.n_tests == 4  # the family of tests is still the study's

    def test_an_unknown_dimension_is_named(self) -> None:
        with pytest.raises(ValueError, match=r"unknown dimension 'car'.*care"):
            config(dimensions=["car"])


class TestInformation:
    def test_it_is_proportional_to_the_raters_where_items_grow_too(
        self, analysis: Callable[..., PowerAnalysis]
    ) -> None:
        """The scaling law against the information of planned studies."""
        part, settings = analysis().designs["harm"], config().power
        scaled = part.errors(800, settings, 1)
        one = part.resized(800, settings, 1)
        same_way = part.errors(100, settings, 1)
        from plural_core.ordinal import power

        computed = power(one, one.effects, method="information").table["std_error"]
        for term, error in scaled.items():
            assert computed[term] == pytest.approx(error, rel=0.06)
            assert error == pytest.approx(same_way[term] / math.sqrt(8))

    def test_with_the_same_items_a_country_stays_uncertain(self, analysis: Callable[..., PowerAnalysis]) -> None:
        """Countries with items of their own differ by the items' chance however many people rate them."""
        more, same = (
            analysis(items=items, participants=(100, 3000)).errors.set_index(["dimension", "term", "participants"])[
                "std_error"
            ]
            for items in ("more", "same")
        )
        assert same["harm", "countryGermany", 3000] > 2 * more["harm", "countryGermany", 3000]
        assert same["harm", "gendermale", 3000] == pytest.approx(more["harm", "gendermale", 3000], rel=0.1)
        needed = analysis(items="same", participants=(100, 3000)).needed.set_index(
            ["dimension", "level", "percent_change"]
        )["participants"]
        assert math.isnan(needed["harm", "Germany", 30.0])
        assert needed["harm", "male", 100.0] < 3000

    def test_simulated_studies_agree(self, analysis: Callable[..., PowerAnalysis]) -> None:
        found = analysis(
            method="simulation", n_sim=60, dimensions=("harm",), participants=(100,), percent_changes=(80.0,)
        )
        table = found.power.set_index(["method", "level"])
        assert len(table) == 4
        for level in ("male", "Germany"):
            expected, row = table.loc[("information", level), "power"], table.loc[("simulation", level)]
            # Four Monte Carlo standard errors, and some room for the approximation.
            assert abs(row["power"] - expected) < 4 * math.sqrt(expected * (1 - expected) / 60) + 0.03
            assert row["ci_low"] <= row["power"] <= row["ci_high"]
            assert row["n_failed"] == 0
            assert row["std_error"] == pytest.approx(table.loc[("information", level), "std_error"], rel=0.15)


class TestViews:
    def test_findings_have_their_numbers_from_the_tables(self, analysis: Callable[..., PowerAnalysis]) -> None:
        found = analysis()
        findings = {f["id"]: f for f in power_findings(found)}
        assert list(findings) == ["smallest_change_seen", "raters_needed_gender", "raters_needed_country"]
        numbers = found.needed.query("level == 'male' and percent_change == 30")["participants"]
        assert findings["raters_needed_gender"]["value"] == numbers.median()
        assert f"{numbers.median():,.0f} raters" in findings["raters_needed_gender"]["sentence"]
        assert findings["smallest_change_seen"]["value"] == detectable_rows(found)["rise"].min()

    def test_what_is_not_reached_is_said(self, analysis: Callable[..., PowerAnalysis]) -> None:
        found = analysis(items="same", participants=(100, 3000))
        country = next(f for f in power_findings(found) if f["id"] == "raters_needed_country")
        assert "not seen with 80 % power by 3,000 raters of the same items" in country["sentence"]
        assert "not reached" in set(needed_rows(found)["raters"])

    def test_one_row_per_contrast_and_change(self, analysis: Callable[..., PowerAnalysis]) -> None:
        assert len(needed_rows(analysis())) == 4
        assert len(detectable_rows(analysis())) == 2
        assert set(curve_rows(analysis(), "harm")["contrast"]) == {"male vs female", "Germany vs US"}

    def test_two_factors_with_one_contrast_are_told_apart(self, analysis: Callable[..., PowerAnalysis]) -> None:
        found = analysis()
        same = found.power.assign(contrast="yes vs no")
        object.__setattr__(copy := PowerAnalysis(found.designs, found.shares, found.config), "power", same)
        assert set(curve_rows(copy, "harm")["contrast"]) == {"gender: yes vs no", "country: yes vs no"}


def test_a_study_without_groups_says_so() -> None:
    tables = study()
    alone = RatingTables(tables.ratings, tables.items, tables.participants.assign(gender="female", country="US"))
    settings = config()
    with pytest.raises(PluralError, match="nothing to compare"):
        power_analysis(alone, protect(alone.participants, settings.factors, 10), settings)
