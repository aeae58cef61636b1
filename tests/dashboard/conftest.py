"""Studies for the dashboard's tests, made once a session; tests that change files copy them first."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plural_core.dashboard.people import shown_people
from plural_core.dashboard.studies import open_study
from plural_core.dashboard.views.context import View
from plural_core.dashboard.words import Words
from plural_core.figures.export import browser_path
from plural_core.simulation import simulate
from plural_core.study import Study, load_study
from tests.dashboard.results import make_results, make_tuning, ratings_csv

if TYPE_CHECKING:
    from tests.dashboard.browsing import Watched

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


@pytest.fixture(scope="module")  # an event loop runs as long as it does, which other modules' tests could not bear
def browser(require_crosschecks: Callable[[str], None]) -> Iterator[object]:
    if browser_path() is None:
        require_crosschecks("no Chrome or Chromium was found")
    if importlib.util.find_spec("playwright") is None:
        require_crosschecks("Playwright for Python is not installed")
    from tests.dashboard.browsing import chromium

    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def address(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from tests.dashboard.browsing import dashboard

    log = tmp_path_factory.mktemp("log") / "dashboard.log"
    with dashboard(shelf, log=log) as started:
        yield started
    assert "Traceback" not in log.read_text(encoding="utf-8", errors="replace")


@pytest.fixture
def visit(browser, address: str) -> Iterator[Callable[..., Watched]]:  # type: ignore[no-untyped-def]
    """Open a page as a new visitor; at the end nobody may have complained."""
    from tests.dashboard.browsing import Watched

    visitors: list[Watched] = []
    contexts = []

    def open_(path: str, width: int = 1280, **options: object) -> Watched:
        context = browser.new_context(viewport={"width": width, "height": 900}, locale="en-US", **options)
        contexts.append(context)
        visitor = Watched(context, address)
        visitors.append(visitor)
        visitor.open(path)
        return visitor

    yield open_
    complaints = [c for v in visitors for c in v.complaints]
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[Watched, str], Path]:
    folder = Path(os.environ.get("PLURAL_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)

    def take(visitor: Watched, name: str) -> Path:
        path = folder / f"{name}.png"
        visitor.whole(path)
        return path

    return take
