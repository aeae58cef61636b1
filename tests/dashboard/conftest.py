"""Studies for the dashboard's tests, made once a session; tests that change files copy them first."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from plural_core.dashboard.people import shown_people
from plural_core.dashboard.studies import open_study
from plural_core.dashboard.views.context import View
from plural_core.dashboard.words import Words
from plural_core.simulation import simulate
from plural_core.study import Study, load_study
from tests.dashboard.results import make_results, make_tuning, ratings_csv

HOSTILE = "<img src=x onerror=alert(1)> **bold** [link](https://example.org) =1+1"


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A results folder with a simulated study (``tiny``) and one of a user's own file with hostile texts (``own``)."""
    results = tmp_path_factory.mktemp("dashboard") / "results"
    settings = ["simulation.participants=150", "agreement.bootstrap=40", "simulation.test_prompts=8"]
    tiny = load_study(root / "configs" / "tiny.yaml", settings, results=results)
    make_tuning(make_results(tiny))
    _own(results, root)
    return results


def _own(results: Path, root: Path) -> Study:
    source = load_study(root / "configs" / "tiny.yaml", ["simulation.participants=130", "seed=7"]).config
    tables = simulate(source).tables
    tables.items.loc[tables.items.index % 3 == 0, "response"] = HOSTILE
    rename = {"political": {"liberal": "=liberal", "moderate": "<b>moderate</b>", "conservative": "*conservative*"}}
    path = ratings_csv(tables, results.parent / "own.csv", rename)
    text = f"""\
study: own
title: "Own *study* <script>alert(1)</script>"
data: {{adapter: table, path: {path}}}
dimensions:
  toxicity: {{label: "Toxicity", high_is: bad}}
  emotional_awareness: {{label: "Emotional awareness"}}
factors:
  country: {{}}
  gender: {{reference: female}}
  age_band: {{ordered: true}}
  political: {{label: "Political *view*", reference: "=liberal"}}
agreement: {{bootstrap: 40, topics: 4}}
"""
    config = results.parent / "own.yaml"
    config.write_text(text, encoding="utf-8")
    return make_results(load_study(config, results=results))


@pytest.fixture(scope="session")
def tiny(shelf: Path) -> Study:
    return open_study(shelf / "tiny")


@pytest.fixture(scope="session")
def own(shelf: Path) -> Study:
    return open_study(shelf / "own")


@pytest.fixture(scope="session")
def view(tiny: Study) -> View:
    return View(tiny, Words("en"), shown_people(tiny))


@pytest.fixture(scope="session")
def own_view(own: Study) -> View:
    return View(own, Words("en"), shown_people(own))


@pytest.fixture
def copied(tmp_path: Path, shelf: Path) -> Callable[[str], Study]:
    """Copy a study, so that a test may break it."""

    def copy(name: str = "tiny") -> Study:
        folder = tmp_path / "results" / name
        shutil.copytree(shelf / name, folder)
        return open_study(folder)

    return copy
