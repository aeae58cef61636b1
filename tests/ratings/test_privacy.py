"""Suppression: no number and no difference of numbers stands for 1 to k - 1 people."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plural_core.errors import PrivacyError
from plural_core.ratings.differencing import small_difference
from plural_core.ratings.privacy import NOT_STATED, ProtectedParticipants, protect, suppress_counts
from plural_core.study import instrument
from plural_core.study.measures_config import FactorConfig

FACTORS = {name: FactorConfig(**value) for name, value in instrument.factors().items()}


def people_of(columns: dict[str, list]) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"participant_id": [f"p{i}" for i in range(n)], **columns})


def one_factor(counts: dict, k: int = 10, **config) -> ProtectedParticipants:
    values = [level for level, n in counts.items() for _ in range(n)]
    return protect(people_of({"x": values}), {"x": FactorConfig(**config)}, k)


def study(n: int, seed: int) -> pd.DataFrame:
    """Return people with the shares of the paper's design: German ethnicity mostly White, some not stated."""
    rng = np.random.default_rng(seed)

    def draw(levels: list, shares: list[float]) -> np.ndarray:
        return rng.choice(np.array(levels, dtype=object), n, p=shares)

    country = draw(["US", "Germany"], [0.5, 0.5])
    american = draw(["White", "Black", "Asian", "Hispanic", "other"], [0.6, 0.2, 0.08, 0.07, 0.05])
    german = draw(["White", "Black", "Asian", "other", None], [0.88, 0.03, 0.04, 0.04, 0.01])
    return people_of(
        {
            "country": country,
            "gender": draw(["female", "male", "non-binary", None], [0.49, 0.475, 0.025, 0.01]),
            "age_band": draw(["18-30", "31-40", "41-50", "51-60", "over 60"], [0.42, 0.27, 0.15, 0.1, 0.06]),
            "political": draw(["liberal", "moderate", "conservative", None], [0.5, 0.32, 0.165, 0.015]),
            "ethnicity": np.where(country == "US", american, german),
        }
    )


# --- differences -----------------------------------------------------------------------------------------------


def subsets(values: list) -> list[tuple]:
    return list(chain.from_iterable(combinations(values, r) for r in range(1, len(values) + 1)))


def queries(people: ProtectedParticipants) -> list[int]:
    """Return every filter combination over the offered slices, each as a bit set of the people it leaves."""
    everyone = (1 << len(people.participants)) - 1
    found = {everyone} if len(people.participants) >= people.k else set()  # a smaller study shows no total at all
    for names in [(f,) for f in people.factors] + list(people.pairs):
        table = people.cells(*names)
        bits = []
        for name in names:
            members: dict[str, int] = {}
            for i, level in enumerate(table[name]):
                members[level] = members.get(level, 0) | 1 << i
            bits.append([sum(members[v] for v in chosen) for chosen in subsets(sorted(members))])
        found |= {a & b for a in bits[0] for b in (bits[1] if len(bits) == 2 else [everyone])}
    return sorted(found, key=int.bit_count)


def assert_no_small_difference(people: ProtectedParticipants, k: int) -> None:
    sets = queries(people)
    for number, small in enumerate(sets):
        size = small.bit_count()
        assert size == 0 or size >= k
        for large in sets[number + 1 :]:
            difference = large.bit_count() - size
            if 0 < difference < k:
                assert small & ~large, f"two nested totals differ by {difference}"


@st.composite
def populations(draw):
    """Return people whose factors hang together, so that groups nest in one another and small cells abound."""
    n = draw(st.one_of(st.integers(1, 50), st.integers(50, 130)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    first = rng.choice(["a", "b", "c"], n, p=rng.dirichlet([1.5, 1, 0.5]))
    tied = draw(st.floats(0, 1))
    second = np.where(rng.random(n) < tied, np.where(first == "a", "u", "v"), rng.choice(["u", "v", "w"], n))
    third = rng.choice(np.array(["1", "2", "3", "4", None], dtype=object), n, p=rng.dirichlet(np.ones(5)))
    frame = people_of({"f": first, "g": second, "h": third})
    factors = {"f": FactorConfig(), "g": FactorConfig(reference="u"), "h": FactorConfig(ordered=True)}
    if "u" not in second:
        factors["g"] = FactorConfig()
    return frame, factors


@settings(max_examples=150, deadline=None)
@given(populations(), st.integers(2, 12))
def test_no_total_and_no_difference_of_nested_totals_is_small(population, k):
    frame, factors = population
    assert_no_small_difference(protect(frame, factors, k), k)


def test_the_walk_finds_small_differences_where_nothing_is_merged():
    frame, factors = study(150, 1)[["participant_id", "gender", "age_band"]], FACTORS
    chosen = {name: factors[name] for name in ("gender", "age_band")}
    with pytest.raises(AssertionError):
        assert_no_small_difference(protect(frame, chosen, 10, enabled=False), 10)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(2, 5), st.integers(2, 8), st.floats(0.05, 1))
def test_small_difference_agrees_with_trying_every_union_of_cells(seed, height, width, k, density):
    rng = np.random.default_rng(seed)
    joint = rng.integers(0, 2 * k, (height, width)) * (rng.random((height, width)) < density)
    first, second = (np.repeat(axis.ravel(), joint.ravel()) for axis in np.indices(joint.shape))
    sizes = np.concatenate([joint.sum(axis=0), joint.sum(axis=1)])
    if not joint.sum() or ((sizes > 0) & (sizes < k)).any():
        return
    found = False
    for rows in subsets(list(range(height))):
        for columns in subsets(list(range(width))):
            inside = joint[np.ix_(rows, columns)].sum()
            total_rows, total_columns = joint[list(rows)].sum(), joint[:, list(columns)].sum()
            for small, large in ((total_rows, total_columns), (total_columns, total_rows)):
                found |= bool(inside == small and 0 < large - small < k)
    assert small_difference(first, second, k) == found


def test_a_group_that_lives_in_one_country_cannot_be_subtracted_from_it():
    # Language is country but for three people: their number would follow from two totals.
    frame = people_of({"country": ["US"] * 40 + ["Germany"] * 40, "language": ["en"] * 43 + ["de"] * 37})
    people = protect(frame, {"country": FactorConfig(), "language": FactorConfig()}, 10)
    assert_no_small_difference(people, 10)
    assert len(people.factors) == 1
    assert "merged" in next(iter(people.withdrawn.values()))


# --- one factor ------------------------------------------------------------------------------------------------


def test_nothing_is_merged_where_nothing_is_small():
    people = one_factor({"a": 10, "b": 30})
    assert people.levels["x"] == ("a", "b")
    assert "no level had to be merged" in people.sentence


def test_ordered_levels_merge_with_a_neighbour():
    ages = {"18-30": 40, "31-40": 30, "41-50": 20, "51-60": 15, "over 60": 4}
    people = one_factor(ages, ordered=True, levels=list(ages))
    assert people.levels["x"] == ("18-30", "31-40", "41-50", "51-60 or over 60")
    people = one_factor(ages | {"41-50": 3, "51-60": 3}, ordered=True, levels=list(ages))
    assert people.levels["x"] == ("18-30", "31-40", "41-50 to over 60")


def test_not_stated_joins_the_middle_of_an_order():
    spectrum = {"liberal": 40, "moderate": 30, "conservative": 12, None: 3}
    people = one_factor(spectrum, ordered=True, levels=["liberal", "moderate", "conservative"])
    assert people.levels["x"] == ("liberal", "moderate or not stated", "conservative")
    assert people.shown("x", NOT_STATED) == "moderate or not stated"


def test_not_stated_is_a_level_of_its_own_when_large():
    assert one_factor({"a": 20, "b": 20, None: 10}).levels["x"] == ("a", "b", NOT_STATED)


def test_small_unordered_levels_become_other():
    people = one_factor({"White": 50, "Black": 20, "Native": 6, "Arab": 1, None: 4})
    assert people.levels["x"] == ("Black", "White", "other (fewer than 10 each)")
    assert set(people.merges.query("shown_as == 'other (fewer than 10 each)'")["n_participants"]) == {11}


def test_too_few_others_take_in_the_level_named_other_or_the_smallest_but_not_the_reference():
    assert one_factor({"a": 50, "b": 20, "other": 30, "c": 2}).levels["x"] == ("a", "b", "c or other")
    people = one_factor({"Man": 124, "Woman": 120, "Non-binary": 7}, reference="Woman")
    assert people.levels["x"] == ("Woman", "Man or Non-binary")
    people = one_factor({"Man": 124, "Woman": 131, "x": 3, "y": 2}, reference="Woman")
    assert people.levels["x"] == ("Woman", "Man or other (fewer than 10 each)")


@pytest.mark.parametrize(
    ("counts", "reason"),
    [({"a": 50, "b": 4}, "merged into one"), ({"a": 50}, "all participants"), ({"a": 4, "b": 5}, "fewer than 10")],
)
def test_a_factor_that_ends_with_one_level_is_withdrawn(counts, reason):
    people = one_factor(counts)
    assert people.factors == ()
    assert reason in people.withdrawn["x"]
    assert people.merges["n_participants"].isna().all()
    assert "not shown: x" in people.sentence
    with pytest.raises(PrivacyError, match="cannot be shown"):
        people.cells("x")


# --- a study ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_the_published_contrasts_stay_visible_in_a_study_of_the_papers_size(seed):
    people = protect(study(1095, seed), FACTORS, 10)
    assert {"female", "male"} <= set(people.levels["gender"])
    assert {"liberal", "conservative"} <= set(people.levels["political"])
    assert {"White", "Black"} <= set(people.levels["ethnicity"])
    assert {"18-30", "51-60"} <= set(people.levels["age_band"])
    assert len(people.pairs) >= 6
    for names in [(f,) for f in people.factors] + list(people.pairs):
        assert people.cells(*names).groupby(list(names)).size().min() >= 10
    assert people.slices()["offered"].sum() == len(people.pairs)


def test_only_factors_of_the_study_are_passed_on_and_nothing_is_missing():
    frame = study(300, 2).assign(occupation="teacher", passed_attention=True)
    people = protect(frame, FACTORS, 10)
    assert list(people.participants.columns) == ["participant_id", *people.factors]
    assert people.participants.notna().all().all()
    with pytest.raises(PrivacyError, match="not a factor"):
        people.cells("occupation")
    with pytest.raises(PrivacyError, match="one or two factors"):
        people.cells("gender", "country", "political")


def test_a_crossing_that_is_not_offered_is_refused():
    frame = people_of({"f": ["a"] * 12 + ["b"] * 12, "g": ["u"] * 11 + ["v"] * 12 + ["u"]})
    people = protect(frame, {"f": FactorConfig(), "g": FactorConfig()}, 5)
    assert people.pairs == ()
    with pytest.raises(PrivacyError, match="cannot be crossed"):
        people.cells("g", "f")


def test_crossings_can_be_asked_for_in_either_order():
    people = protect(study(1095, 0), FACTORS, 10)
    a, b = people.pairs[0]
    assert list(people.cells(b, a).columns) == ["participant_id", b, a]


def test_levels_of_a_crossing_are_unions_of_levels_shown_alone():
    people = protect(study(400, 3), FACTORS, 10)
    for pair in people.pairs:
        table = people.cells(*pair)
        for name in pair:
            alone = people.participants[name]
            assert (table[name].groupby(alone.to_numpy()).nunique() == 1).all()


def test_switched_off_shows_everything_and_says_so():
    frame = study(60, 4)
    people = protect(frame, FACTORS, 10, enabled=False)
    assert people.k == 1
    assert (people.participants["gender"] == frame["gender"].fillna(NOT_STATED)).all()
    assert len(people.pairs) == 10
    assert "switched off" in people.sentence


def test_the_same_people_in_another_order_get_the_same_levels():
    frame = study(200, 5)
    shuffled = frame.sample(frac=1, random_state=0, ignore_index=True)
    first, second = protect(frame, FACTORS, 10), protect(shuffled, FACTORS, 10)
    assert first.levels == second.levels
    assert first.pairs == second.pairs


def test_a_missing_column_is_named():
    with pytest.raises(PrivacyError, match="no column 'gender'"):
        protect(people_of({"x": ["a"]}), {"gender": FactorConfig()}, 10)


def test_suppress_counts_blanks_small_counts_and_what_rests_on_them():
    table = pd.DataFrame({"n": [0, 1, 9, 10], "rate": [0.0, 0.1, 0.2, 0.3]})
    result = suppress_counts(table, "n", 10, ("rate",))
    assert result["n"].isna().tolist() == [False, True, True, False]
    assert result["n_shown"].tolist() == ["0", "fewer than 10", "fewer than 10", "10"]
    assert result["rate"].isna().tolist() == [False, True, True, False]
    assert table["n"].tolist() == [0, 1, 9, 10]
