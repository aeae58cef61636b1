"""A judge beside groups of raters: by hand, judges that side with a group, and what may not be shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from plural_core.agreement.notes import NO_COMMON
from plural_core.evaluation.group_view import FEW_OWN, NO_RATINGS, withheld
from plural_core.evaluation.judged import JudgedItems, judged_items
from plural_core.evaluation.validation_groups import group_tables
from plural_core.ratings.privacy import ProtectedParticipants, protect
from plural_core.ratings.schemas import check_table
from plural_core.ratings.tables import RatingTables, complete_participants
from plural_core.study import StudyConfig

CONFIG = StudyConfig.model_validate(
    {
        "study": "groups",
        "data": {"adapter": "table", "path": "none.csv"},
        "dimensions": {"harm": {"label": "Harm", "high_is": "bad"}},
        "factors": {"gender": {"levels": ["female", "male", "other"]}},
    }
)

Rows = Sequence[tuple[str, str, int]]


def tables_of(rows: Rows, gender: dict[str, str]) -> RatingTables:
    """Return tables from (participant, item, rating)."""
    ratings = pd.DataFrame(rows, columns=["participant_id", "item_id", "rating"])
    ratings = ratings.assign(dimension="harm", position=np.arange(1, len(rows) + 1))
    ids = sorted(set(ratings["item_id"]))
    items = pd.DataFrame({"item_id": ids, "prompt_id": ids})
    for name in ("prompt", "response", "language", "source"):
        items[name] = None
    people = pd.DataFrame({"participant_id": sorted(gender), "gender": [gender[p] for p in sorted(gender)]})
    return RatingTables(ratings, items, complete_participants(people))


def scores_of(tables: RatingTables, score: Sequence[float]) -> pd.DataFrame:
    ids = tables.items["item_id"]
    return pd.DataFrame({"judge": "j", "dimension": "harm", "item_id": ids, "score": np.asarray(score, dtype=float)})


def compare(
    tables: RatingTables, score: Sequence[float], k: int = 10, draws: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    people = protect(tables.participants, CONFIG.factors, k, enabled=k > 1)
    judged = judged_items(scores_of(tables, score), tables, CONFIG)
    groups, contrasts = group_tables(judged, tables, CONFIG, people, draws=draws, rng=np.random.default_rng(0))
    check_table(groups, "judge_groups")
    check_table(contrasts, "judge_group_contrasts")
    return groups.set_index("level"), contrasts.set_index(["level_a", "level_b"])


def simulated(
    seed: int, shift: float, items: int = 300, per_item: int = 6, spread: float = 1.0
) -> tuple[RatingTables, np.ndarray, np.ndarray]:
    """Return tables of 60 women and 60 men, and what either group would say of each item, from 0 to 1."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(3, 1, items)
    gender = {f"p{n:03}": "female" if n < 60 else "male" for n in range(120)}
    rows = []
    for i in range(items):
        for p in rng.choice(120, per_item, replace=False):
            own = truth[i] + (shift if p >= 60 else 0.0) + rng.normal(0, spread if p >= 60 else 1.0)
            rows.append((f"p{p:03}", f"i{i:03}", int(np.clip(np.round(own), 1, 5))))
    ends = [expected(truth + s, d) for s, d in ((0.0, 1.0), (shift, spread))]
    return tables_of(rows, gender), ends[0], ends[1]


def expected(mean: np.ndarray, spread: float) -> np.ndarray:
    """Return the expected rating, rounded and cut as in `simulated`, from 0 to 1."""
    noise = np.random.default_rng(99).normal(0, spread, 4_000)
    return np.array([(np.clip(np.round(m + noise), 1, 5).mean() - 1) / 4 for m in mean])


def test_by_hand() -> None:
    gender = {"f1": "female", "f2": "female", "m1": "male", "o1": "other"}
    rows = [("f1", "a", 5), ("f2", "a", 4), ("m1", "a", 1), ("f1", "b", 2), ("m1", "b", 3), ("o1", "c", 3)]
    groups, contrasts = compare(tables_of(rows, gender), [1.0, 0.0, 0.5], k=1)
    female = groups.loc["female"]
    assert (female["n_participants"], female["n_items"], female["n_ratings"]) == (2, 2, 3)
    assert female["difference"] == pytest.approx(np.mean([1 - 0.875, 0 - 0.25]))
    assert female["agreement"] == pytest.approx(1.0)
    assert groups.loc["male", "agreement"] == pytest.approx(0.0)
    assert groups.loc["male", "correlation"] == pytest.approx(-1.0)
    assert np.isnan(female["own_agreement"])  # one item with two ratings is too few
    pair = contrasts.loc[("female", "male")]
    assert pair["n_items"] == 2
    assert pair["difference_b"] == pytest.approx(np.mean([1 - 0, 0 - 0.5]))
    assert pair["agreement_gap"] == pytest.approx(1.0)
    assert np.isnan(pair["closer"]) and pair["note"] == FEW_OWN
    apart = contrasts.loc[("female", "other")]
    assert (apart["n_items"], apart["note"]) == (0, NO_COMMON)
    assert np.isnan(apart["agreement_gap"])


def test_a_judge_that_sides_with_a_group() -> None:
    tables, female, male = simulated(1, shift=1.2)
    for score, sign in ((female, 1.0), (male, -1.0)):
        groups, contrasts = compare(tables, score, draws=300)
        pair = contrasts.loc[("female", "male")]
        assert sign * pair["closer"] == pytest.approx(np.mean((female - male) ** 2), rel=0.25)
        assert min(sign * pair["closer_low"], sign * pair["closer_high"]) > 0
        assert sign * pair["agreement_gap"] > 0
        own, other = ("female", "male") if sign > 0 else ("male", "female")
        assert groups.loc[own, "difference_low"] < 0 < groups.loc[own, "difference_high"]
        assert not groups.loc[other, "difference_low"] < 0 < groups.loc[other, "difference_high"]


def test_a_judge_between_two_groups_sides_with_neither() -> None:
    tables, female, male = simulated(2, shift=1.2)
    _, contrasts = compare(tables, (female + male) / 2, draws=300)
    pair = contrasts.loc[("female", "male")]
    assert pair["closer_low"] < 0 < pair["closer_high"]
    assert pair["difference_a"] > 0 > pair["difference_b"]


def test_closer_is_not_fooled_by_a_group_that_disagrees_more_or_rates_less() -> None:
    """Groups of one mind on average, one of them twice as noisy: 40 studies."""
    found, plain = [], []
    for seed in range(40):
        tables, female, male = simulated(seed, shift=0.0, items=120, spread=2.0)
        # What both would say is not the same after rounding and cutting; the judge stands in the middle.
        score = (female + male) / 2
        _, contrasts = compare(tables, score)
        found.append(contrasts.loc[("female", "male")])
        means = tables.wide(["gender"]).groupby(["item_id", "gender"])["rating"].mean().unstack().sub(1).div(4)
        away = means.sub(pd.Series(score, index=tables.items["item_id"]), axis=0).dropna() ** 2
        plain.append((away["male"] - away["female"]).mean())
    table = pd.DataFrame(found)
    error = table["closer"].std() / np.sqrt(len(table))
    assert abs(table["closer"].mean()) < 3 * error
    # Not so the plain difference of squared distances, nor agreement.
    assert np.mean(plain) > 10 * error
    assert table["agreement_gap"].mean() > 0.05


def test_own_agreement_is_that_of_two_raters_of_the_group() -> None:
    tables, female, _ = simulated(3, shift=0.5, per_item=8)
    groups, _ = compare(tables, female)
    wide = tables.ratings.merge(tables.participants)
    shares = []
    for _, part in wide[wide["gender"] == "female"].groupby("item_id"):
        side = np.sign(part["rating"].to_numpy() - 3)
        if len(side) >= 2:
            same = (side[:, None] == side[None, :]).sum() - len(side)
            shares.append(same / (len(side) * (len(side) - 1)))
    assert groups.loc["female", "own_agreement"] == pytest.approx(np.mean(shares))


def test_small_groups_are_withheld_and_cannot_be_had_by_subtraction() -> None:
    gender = {f"f{n:02}": "female" for n in range(40)} | {f"m{n:02}": "male" for n in range(40)}
    gender |= {f"o{n:02}": "other" for n in range(12)}
    rng = np.random.default_rng(0)
    # Only four of the twelve others rated anything.
    raters = [p for p in gender if not p.startswith("o") or p < "o04"]
    rows = [(p, f"i{i:02}", int(rng.integers(1, 6))) for p in raters for i in rng.choice(30, 8, replace=False)]
    tables = tables_of(rows, gender)
    groups, contrasts = compare(tables, rng.random(30), draws=20)
    shown = groups["n_ratings"].notna()
    assert not shown["other"]
    assert shown.sum() == 1  # a second one, or totals less the shown ones would tell of four people
    numbers = ["n_items", "n_ratings", "difference", "agreement", "own_agreement", "correlation", "difference_low"]
    assert groups.loc[~shown, numbers].isna().all(axis=None)
    assert groups.loc[~shown, "note"].str.contains("fewer than 10 people").all()
    for level in ("female", "male"):
        pair = contrasts.loc[(level, "other")]
        assert "not shown" in pair["note"]
        assert pd.isna(pair["n_items"]) and np.isnan(pair["agreement_gap"])
    assert np.isfinite(contrasts.loc[("female", "male"), "agreement_gap"])


def test_withheld_groups() -> None:
    assert withheld([50, 40, 30], 10) == set()
    assert withheld([50, 40, 4], 10) == {1, 2}
    assert withheld([50, 6, 4], 10) == {1, 2}
    assert withheld([50, 0, 4], 10) == {0, 2}
    assert withheld([50, 3, 4], 10) == {0, 1, 2}
    assert withheld([0, 0], 10) == set()
    assert withheld([3, 1], 1) == set()


def test_a_group_that_rated_nothing_says_so() -> None:
    gender = {f"f{n:02}": "female" for n in range(20)} | {f"m{n:02}": "male" for n in range(20)}
    rows = [(p, f"i{n % 5}", 1 + n % 5) for n, p in enumerate(gender) if p.startswith("f")]
    groups, contrasts = compare(tables_of(rows, gender), [0.1, 0.3, 0.5, 0.7, 0.9], draws=5)
    assert groups.loc["male", "note"] == NO_RATINGS
    assert contrasts.loc[("female", "male"), "note"] == NO_COMMON


def test_the_order_of_rows_changes_nothing() -> None:
    tables, female, _ = simulated(5, shift=0.7, items=80)
    mixed = RatingTables(tables.ratings.sample(frac=1.0, random_state=3), tables.items, tables.participants)
    for first, again in zip(compare(tables, female), compare(mixed, female), strict=True):
        pd.testing.assert_frame_equal(first, again)


def test_no_factor_no_table() -> None:
    tables, female, _ = simulated(6, shift=0.0, items=30)
    judged = judged_items(scores_of(tables, female), tables, CONFIG)
    nobody = protect(tables.participants.head(5), CONFIG.factors, 10)
    assert isinstance(nobody, ProtectedParticipants) and not nobody.factors
    for table in group_tables(judged, tables, CONFIG, nobody, draws=5, rng=np.random.default_rng(0)):
        assert table.empty
    assert all(table.empty for table in group_tables([], tables, CONFIG, nobody))


def test_unscored_items_do_not_enter() -> None:
    tables, female, _ = simulated(7, shift=0.4, items=60)
    half = np.where(np.arange(60) % 2 == 0, female, np.nan)
    kept = tables.items["item_id"].to_numpy()[::2]
    part = RatingTables(tables.ratings[tables.ratings["item_id"].isin(kept)], tables.items[::2], tables.participants)
    for first, again in zip(compare(tables, half), compare(part, female[::2]), strict=True):
        pd.testing.assert_frame_equal(first, again)
    (judged,) = judged_items(scores_of(tables, half), tables, CONFIG)
    assert isinstance(judged, JudgedItems) and judged.n_unscored == 30
