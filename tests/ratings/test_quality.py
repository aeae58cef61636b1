"""The quality report: what it counts, and that it never tells the number of a few people."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plural_core.ratings.privacy import protect
from plural_core.ratings.quality import quality_report
from plural_core.ratings.schemas import check_table
from plural_core.ratings.tables import RatingTables, complete_participants
from plural_core.study import StudyConfig

CONFIG = StudyConfig.model_validate(
    {
        "study": "small",
        "data": {"adapter": "table", "path": "none.csv"},
        "dimensions": {
            "harm": {"label": "Harm", "labels": ["none", "little", "some", "much", "most"]},
            "care": {"label": "Care", "levels": 3},
        },
        "factors": {"gender": {}},
    }
)


def study(
    raters: int = 60, items: int = 30, per_rater: int = 6, seed: int = 0, gender: list | None = None, **columns
) -> RatingTables:
    rng = np.random.default_rng(seed)
    rows = []
    for p in range(raters):
        for position, i in enumerate(rng.choice(items, per_rater, replace=False), start=1):
            rows.append((f"p{p:03}", f"i{i:03}", "harm", int(rng.integers(1, 6)), position))
            rows.append((f"p{p:03}", f"i{i:03}", "care", int(rng.integers(1, 4)), position))
    ratings = pd.DataFrame(rows, columns=["participant_id", "item_id", "dimension", "rating", "position"])
    ids = [f"i{i:03}" for i in range(items + 2)]  # two items that nobody rated
    table = pd.DataFrame(
        {"item_id": ids, "prompt_id": ids} | dict.fromkeys(["prompt", "response", "language", "source"])
    )
    people = pd.DataFrame({"participant_id": [f"p{p:03}" for p in range(raters)], **columns})
    people["gender"] = gender if gender is not None else ["female", "male"] * (raters // 2)
    return RatingTables(ratings, table, complete_participants(people))


def report(tables: RatingTables, k: int = 10):
    return quality_report(tables, CONFIG, protect(tables.participants, CONFIG.factors, k))


def row(found, measure: str, subject: str = "all", section: str | None = None):
    table = found.quality
    rows = table[(table["measure"] == measure) & (table["subject"] == subject)]
    assert len(rows) == 1, f"{measure}, {subject}: {len(rows)} rows"
    assert section is None or rows["section"].iloc[0] == section
    return rows.iloc[0]


def test_sizes_and_coverage():
    tables = study()
    found = report(tables)
    assert row(found, "participants")["value"] == 60
    assert row(found, "items")["value"] == 32
    assert row(found, "items rated")["value"] == tables.ratings["item_id"].nunique()
    assert row(found, "ratings", "harm")["value"] == 360
    per_item = tables.ratings.query("dimension == 'harm'").groupby("item_id").size()
    assert row(found, "ratings per rated item, mean", "harm")["value"] == pytest.approx(per_item.mean())
    assert row(found, "items with one rating", "harm")["value"] == (per_item == 1).sum()
    harm = found.coverage.query("dimension == 'harm'").set_index("n_ratings")
    assert harm["n_items"].sum() == 32
    assert harm.loc[0, "n_items"] == 32 - len(per_item)
    assert harm["share"].sum() == pytest.approx(1)
    for n, items in per_item.value_counts().items():
        assert harm.loc[n, "n_items"] == items


def test_use_of_the_scale_has_every_level_with_its_label():
    tables = study()
    use = report(tables).scale_use
    assert use.groupby("dimension", sort=False)["level"].apply(list).to_dict() == {
        "harm": [1, 2, 3, 4, 5],
        "care": [1, 2, 3],
    }
    assert use["level_label"].tolist() == ["none", "little", "some", "much", "most", "1", "2", "3"]
    expected = tables.ratings.query("dimension == 'harm'")["rating"].value_counts().sort_index()
    assert use.query("dimension == 'harm'")["n_ratings"].tolist() == expected.tolist()
    assert use.groupby("dimension")["share"].sum().tolist() == pytest.approx([1, 1])


def test_items_per_participant_are_told_in_ranges_with_open_ends():
    tables = study()
    numbers = {f"p{p:03}": 1 + p // 12 for p in range(59)} | {"p059": 6}
    rank = tables.ratings["position"] <= tables.ratings["participant_id"].map(numbers)
    found = report(RatingTables(tables.ratings[rank], tables.items, tables.participants)).quality
    spans = found[found["measure"] == "participants by items rated"].set_index("subject")["value"]
    assert spans.to_dict() == {"1 item": 12, "2 items": 12, "3 items": 12, "4 items": 12, "5 items or more": 12}


def test_missing_ratings_per_dimension():
    tables = study()
    gone = tables.ratings.query("dimension == 'care'").index[:25]
    fewer = RatingTables(tables.ratings.drop(gone), tables.items, tables.participants)
    found = row(report(fewer), "participant-item rows without a rating", "care", "missing")
    assert (found["value"], found["of"]) == (25, 360)
    assert row(report(fewer), "participant-item rows without a rating", "harm")["value"] == 0


def straighten(tables: RatingTables, n: int) -> RatingTables:
    chosen = tables.ratings["participant_id"].isin([f"p{p:03}" for p in range(n)])
    level = tables.ratings["rating"].where(~chosen, 2)
    return RatingTables(tables.ratings.assign(rating=level), tables.items, tables.participants)


@pytest.mark.parametrize(
    ("n", "shown"),
    [(0, "0 of 60 (0.0%)"), (4, "fewer than 10"), (12, "12 of 60 (20.0%)"), (55, "all but fewer than 10")],
)
def test_straight_lining(n, shown):
    found = row(report(straighten(study(), n)), "participants who gave one level throughout")
    assert found["shown"] == shown
    assert np.isnan(found["value"]) == (n in (4, 55))


def test_few_ratings_are_not_called_straight_lining():
    found = row(report(straighten(study(per_rater=4), 20)), "participants who gave one level throughout")
    assert found["shown"] == "–"
    assert "nobody gave 10 ratings" in found["note"]


@pytest.mark.parametrize(
    ("passed", "failed", "shown"),
    [
        (30, 12, ["30 of 60 (50.0%)", "12 of 60 (20.0%)", "18 of 60 (30.0%)"]),
        (38, 2, ["all but fewer than 10", "fewer than 10", "20 of 60 (33.3%)"]),
        (0, 0, ["0 of 60 (0.0%)", "0 of 60 (0.0%)", "60 of 60 (100.0%)"]),
        (50, 5, ["all but fewer than 10", "fewer than 10", "fewer than 10"]),
    ],
)
def test_attention_check(passed, failed, shown):
    answers = [True] * passed + [False] * failed + [pd.NA] * (60 - passed - failed)
    found = report(study(passed_attention=pd.array(answers, dtype="boolean")))
    assert [row(found, name, section="attention check")["shown"] for name in ("passed", "failed", "not asked")] == shown


def test_who_was_not_asked_is_not_told_where_a_country_gives_the_rest_away():
    # All 30 Germans and 3 Americans were not asked: 33 less the 30 Germans would lay three people bare.
    config = CONFIG.model_copy(update={"factors": {**CONFIG.factors, "country": CONFIG.factors["gender"]}})
    answers = pd.array([pd.NA] * 33 + [True] * 27, dtype="boolean")
    tables = study(country=["Germany"] * 30 + ["US"] * 30, passed_attention=answers)
    found = quality_report(tables, config, protect(tables.participants, config.factors, 10))
    assert row(found, "not asked")["shown"] == "not shown"
    assert "27" not in row(found, "passed")["shown"]


@pytest.mark.parametrize(("missing", "shown"), [(0, "0 of 60 (0.0%)"), (3, "fewer than 10"), (15, "15 of 60 (25.0%)")])
def test_missing_demographics(missing, shown):
    gender = [None] * missing + ["female", "male"] * 30
    found = row(report(study(gender=gender[:60])), "participants who did not state", "gender")
    assert found["shown"] == shown


def test_no_item_with_two_raters_is_said():
    tables = study(raters=20)
    single = RatingTables(tables.ratings.drop_duplicates(["item_id", "dimension"]), tables.items, tables.participants)
    assert "agreement is not estimable" in row(report(single), "items with one rating", "harm")["note"]


def test_a_study_of_few_people_tells_no_number_of_them():
    found = report(study(raters=8))
    people = found.quality[found.quality["measure"].str.startswith("participants")]
    assert people["value"].isna().all()
    assert (row(found, "participants"))["shown"] == "fewer than 10"


def test_tables_fit_their_schemas_also_without_ratings_on_a_dimension():
    tables = study()
    harm = RatingTables(tables.ratings.query("dimension == 'harm'"), tables.items, tables.participants)
    for some in (tables, harm):
        found = report(some)
        for name in ("quality", "coverage", "scale_use"):
            check_table(getattr(found, name), name)
    assert row(found, "ratings per rated item", "care")["shown"] == "no ratings"
    people = protect(tables.participants, CONFIG.factors, 10)
    check_table(people.merges, "levels")
    check_table(people.slices(), "slices")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 80), st.integers(2, 12))
def test_every_number_of_people_is_zero_or_at_least_k_and_so_is_what_is_left(seed, raters, k):
    rng = np.random.default_rng(seed)
    answers = rng.choice(np.array([True, False, None], dtype=object), raters, p=rng.dirichlet(np.ones(3)))
    gender = rng.choice(np.array(["a", "b", "c", None], dtype=object), raters, p=rng.dirichlet(np.ones(4)))
    tables = study(raters, seed=seed % 1000, gender=list(gender), passed_attention=pd.array(answers, dtype="boolean"))
    tables = straighten(tables, int(rng.integers(0, raters)))
    keep = rng.random(len(tables.ratings)) < rng.uniform(0.3, 1)
    tables = RatingTables(tables.ratings[keep], tables.items, tables.participants)
    quality = report(tables, k).quality
    people = quality[quality["measure"].str.startswith("participants") | (quality["section"] == "attention check")]
    for value, of in zip(people["value"], people["of"], strict=True):
        for n in (value, of, of - value, raters - value, raters - of):
            assert np.isnan(n) or n == 0 or n >= k
    # What stands in words names no number but the bound.
    hidden = people[people["value"].isna()]["shown"]
    assert all(re.fullmatch(rf"(all but )?fewer than {k}|not shown|–", text) for text in hidden)
