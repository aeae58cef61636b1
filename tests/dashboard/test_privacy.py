"""Nothing shown counts 1 to k - 1 people, no difference of what is shown does, and no id gets out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from plural_core.dashboard import store
from plural_core.dashboard.downloads import csv_bytes
from plural_core.dashboard.guard import guard, is_current
from plural_core.dashboard.html import table_html
from plural_core.dashboard.panel import Panel
from plural_core.dashboard.people import offered_slices, shown_people, slice_table
from plural_core.dashboard.pictures import prepared
from plural_core.dashboard.views import audit, disagreement, effects, raters
from plural_core.dashboard.views.context import View
from plural_core.dashboard.words import Words
from plural_core.errors import DataError, PrivacyError
from plural_core.io import read_table, write_table
from plural_core.ratings.privacy import NOT_STATED
from plural_core.study import Study
from plural_core.study.measures_config import FactorConfig

K = 10


def all_panels(view: View) -> list[Panel]:
    """Every panel under every combination of filters."""
    made = [
        disagreement.rates(view),
        disagreement.alpha(view),
        disagreement.cooccurrence(view),
        effects.variances(view),
    ]
    compared = view.compared
    for dimension in view.dimensions:
        made += [disagreement.by_group(view, dimension, m) for m in disagreement.MEASURES]
        made.append(effects.shares(view, dimension, tuple(compared)))
        made += [effects.slices(view, dimension, *factors) for factors in offered_slices(view.protected)]
        for factor, levels in compared.items():
            made += [
                effects.forest(view, (dimension,), (factor,), ((factor, reference),), scale, True)
                for reference in levels
                for scale in effects.SCALES
            ]
        for factor in view.factors:
            made += [
                disagreement.topics(view, dimension, factor, a, b) for a, b in combinations(view.groups(factor), 2)
            ]
    for factor in view.factors:
        made += [disagreement.between(view, factor, a, b) for a, b in combinations(view.groups(factor), 2)]
    made += [raters.groups(view, factors) for factors in (tuple(view.factors), *((f,) for f in view.factors))]
    made += [raters.merges(view), raters.coverage(view), raters.scale_use(view), raters.quality(view)]
    if view.study.table("condition_raters").is_file():
        made += [audit.raters(view, factor) for factor in view.factors]
        made += [audit.influence(view, d, f) for d in audit.influence_dimensions(view) for f in view.factors]
        made += [audit.judge_groups(view, j, d) for j in audit.judges(view) for d in view.dimensions]
    return made


@pytest.fixture(scope="module", params=["simulated", "own"])
def any_view(request: pytest.FixtureRequest, view: View, own_view: View) -> View:
    return view if request.param == "simulated" else own_view


@pytest.fixture(scope="module")
def panels(any_view: View) -> Iterator[list[Panel]]:
    """All panels without their figures, which hold what the tables do and take most of the time to draw."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (disagreement, effects):
            for name in [n for n in vars(module) if n.endswith("_figure")]:
                patch.setattr(module, name, lambda *_, **__: go.Figure())
        yield all_panels(any_view)


@pytest.fixture(scope="module")
def drawn(any_view: View) -> list[Panel]:
    """One panel of each kind, figure included."""
    view = any_view
    dimension, factor = next(iter(view.dimensions)), next(iter(view.compared))
    a, b = view.groups("gender")[:2]
    return [
        disagreement.rates(view),
        disagreement.by_group(view, dimension, "rate"),
        disagreement.by_group(view, dimension, "alpha"),
        disagreement.between(view, "gender", a, b),
        disagreement.topics(view, dimension, "gender", a, b),
        effects.forest(view, tuple(view.dimensions), (factor,)),
        effects.shares(view, dimension, (factor,)),
        effects.slices(view, dimension, *view.protected.pairs[0]),
    ]


def counts_of_people(table: pd.DataFrame) -> np.ndarray:
    found = [
        table[c].dropna().to_numpy(dtype=float) for c in ("n_participants", "n_available", "smallest") if c in table
    ]
    return np.concatenate(found) if found else np.empty(0)


def test_no_panel_counts_few_people_under_any_filter(panels: list[Panel]) -> None:
    assert len(panels) > 80
    seen = np.concatenate([counts_of_people(p.table) for p in panels])
    assert len(seen) > 100
    assert ((seen == 0) | (seen >= K)).all()


def test_no_group_of_raters_is_small(any_view: View) -> None:
    shown = raters.groups(any_view, tuple(any_view.factors)).table["n"]
    assert len(shown) > 5
    assert ((shown == 0) | (shown >= K)).all()


def test_no_id_stands_in_any_table(panels: list[Panel], any_view: View) -> None:
    ids = set(read_table(any_view.study.table("participants"))["participant_id"].astype(str))
    for panel in panels:
        assert not {"participant_id", "rating", "position"} & set(panel.table.columns)
        texts = {str(v) for c in panel.table for v in panel.table[c] if isinstance(v, str)}
        assert not texts & ids


def test_no_id_stands_in_any_page_hover_or_file(drawn: list[Panel], any_view: View) -> None:
    ids = set(read_table(any_view.study.table("participants"))["participant_id"].astype(str))
    longest = max(ids, key=len)  # unlike any number or word, so looking for it in whole outputs is safe
    for panel in drawn:
        outputs = [table_html(panel, any_view.words), csv_bytes(panel.table, simulated=True).decode()]
        if panel.figure is not None:
            outputs.append(prepared(panel.figure, any_view.words, simulated=True).to_json())
        assert all(longest not in text for text in outputs)


def test_differences_of_every_two_slices_leave_no_few_people(any_view: View) -> None:
    """Totals of whole cells, subtracted from any larger one of any slice, leave 0 or at least k people.

    Each cell of each slice against each cell of every other slice, and against all unions of cells of one factor:
    the people in one and not in the other number 0 or k and more wherever one lies inside the other.
    """
    people = any_view.protected
    slices = []
    for factors in offered_slices(people):
        cells = people.cells(*factors)
        names = cells[list(factors)].agg(" × ".join, axis=1)
        slices.append({name: set(cells.loc[names == name, "participant_id"]) for name in sorted(set(names))})
    everybody = set(people.participants["participant_id"])
    totals: list[set[str]] = [everybody]
    for cells_of in slices:
        groups = list(cells_of.values())
        assert all(len(g) >= K for g in groups)
        sizes = range(1, len(groups)) if len(groups) <= 8 else (1, 2, len(groups) - 1)
        totals += [set().union(*chosen) for size in sizes for chosen in combinations(groups, size)]
    for a, b in combinations(totals, 2):
        inner, outer = sorted((a, b), key=len)
        if inner < outer:
            assert len(outer - inner) >= K


def test_slices_of_different_dimensions_do_not_differ_by_few_people(any_view: View) -> None:
    """n_participants counts the people of a cell, not those who rated a dimension, so it is the same for each."""
    for factors in offered_slices(any_view.protected):
        sizes = [
            slice_table(any_view.study, any_view.protected, d, factors)["n_participants"].tolist()
            for d in any_view.dimensions
        ]
        assert all(s == sizes[0] for s in sizes)


def test_a_slice_that_is_not_offered_is_refused(any_view: View) -> None:
    people, study = any_view.protected, any_view.study
    dimension = next(iter(any_view.dimensions))
    refused = [p for p in combinations(people.factors, 2) if p not in people.pairs]
    for pair in refused:
        with pytest.raises(PrivacyError, match="cannot be crossed"):
            slice_table(study, people, dimension, pair)
    with pytest.raises(PrivacyError, match="one or two factors"):
        slice_table(study, people, dimension, people.factors[:3])
    with pytest.raises(PrivacyError):
        slice_table(study, people, dimension, ["participant_id"])


def test_a_cell_that_few_people_rated_is_hidden(copied: Callable[[str], Study]) -> None:
    study = copied("tiny")
    people = shown_people(study)
    factor = people.factors[0]
    cells = people.cells(factor)
    level = cells[factor].iloc[0]
    members = cells.loc[cells[factor] == level, "participant_id"].tolist()
    ratings = read_table(study.table("ratings"))
    gone = (ratings["dimension"] == "toxicity") & ratings["participant_id"].isin(members[3:])
    write_table(ratings[~gone], study.table("ratings"))
    table = slice_table(study, people, "toxicity", [factor]).set_index("level_a")
    assert table.loc[level, "note"] == "not shown: fewer than 10 participants"
    assert table.loc[level, ["share", "ci_low", "ci_high", "n_ratings"]].isna().all()
    assert table.loc[[v for v in table.index if v != level], "share"].notna().all()


@pytest.mark.parametrize("name", sorted(store.PRIVATE))
def test_tables_of_single_people_cannot_be_read_for_showing(name: str, tiny: Study) -> None:
    with pytest.raises(DataError, match="not for showing"):
        store.read(tiny, name)


def test_the_guard_refuses_columns_of_single_people(view: View) -> None:
    with pytest.raises(PrivacyError, match="participant_id"):
        guard(pd.DataFrame({"participant_id": ["a"], "n": [1]}), view.protected, view.study)
    with pytest.raises(PrivacyError, match="participant_id"):
        csv_bytes(pd.DataFrame({"participant_id": ["a"]}), simulated=False)


def test_the_guard_withholds_groups_that_may_not_be_told_now_and_blanks_small_counts(view: View) -> None:
    shown = view.protected.levels["gender"][0]
    table = pd.DataFrame(
        {
            "factor": ["all", "gender", "gender", "shoe_size"],
            "level": ["all", shown, "a group of three", "43"],
            "rate": [0.5, 0.4, 0.3, 0.2],
            "n_participants": [150, 7, 3, 50],
        }
    )
    found = guard(table, view.protected, view.study)
    assert found.table["level"].tolist() == ["all", shown]
    assert found.withheld == 2
    assert found.table["n_participants"].isna().tolist() == [False, True]


def test_the_guard_knows_terms_of_models(view: View) -> None:
    terms = pd.DataFrame(
        {"dimension": "toxicity", "term": ["gendermale", "genderthree people", "participant"], "x": 1.0}
    )
    kept = guard(terms, view.protected, view.study).table["term"].tolist()
    assert "genderthree people" not in kept
    assert "participant" in kept


def test_results_made_under_another_k_are_noticed_and_held_back(copied: Callable[[str], Study]) -> None:
    study = copied("own")
    old = shown_people(study)
    levels = read_table(study.table("levels"))
    assert is_current(levels, old)
    assert not is_current(None, old)
    stricter = study.config.model_copy(update={"privacy": study.config.privacy.model_copy(update={"k": 40})})
    changed = Study(stricter, study.source, study.root)
    people = shown_people(changed)
    assert not is_current(levels, people)
    view = View(changed, Words("en"), people)
    panel = disagreement.by_group(view, "toxicity", "rate")
    told = {(f, v) for f, v in zip(panel.table["factor"], panel.table["level"], strict=True) if f != "all"}
    assert told <= {(f, v) for f, shown in people.levels.items() for v in shown}
    counts = counts_of_people(panel.table)
    assert ((counts == 0) | (counts >= 40)).all()
    assert "held" in view.words("privacy.stale")
    assert "not shown" in panel.note


def test_who_did_not_state_a_factor_is_not_compared(view: View) -> None:
    assert all(NOT_STATED not in view.groups(f) for f in view.factors)


def test_factors_beyond_the_config_are_not_offered(copied: Callable[[str], Study]) -> None:
    study = copied("own")
    people = read_table(study.table("participants")).assign(diagnosis="rare")
    write_table(people, study.table("participants"))
    assert "diagnosis" not in shown_people(study).factors
    narrower = study.config.model_copy(update={"factors": {"gender": FactorConfig()}})
    assert shown_people(Study(narrower, study.source, study.root)).factors == ("gender",)
