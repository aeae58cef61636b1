"""Pictures for the README: the main pages of a finished study, as a visitor sees them.

Set ``PLURAL_TOUR_STUDY`` to a study's results folder and ``PLURAL_TOUR_PICTURES`` to the folder for the pictures
(``docs/images``) to make them; otherwise the tests' own study is pictured, and the pictures are thrown away.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from plural_core.dashboard.words import texts
from tests.dashboard.screens import sound

TOUR = {
    "overview": "",
    "disagreement": "disagreement",
    "effects": "effects",
    "tuning": "tuning",
    "compare": "compare",
}
LARGEST = 300_000


@pytest.fixture
def toured(request: pytest.FixtureRequest) -> Path:
    named = os.environ.get("PLURAL_TOUR_STUDY")
    return Path(named).resolve() if named else Path(request.getfixturevalue("shelf")) / "tiny"


def test_pictures_of_the_main_pages(browser, toured: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from tests.dashboard.browsing import Watched, dashboard

    folder = Path(os.environ.get("PLURAL_TOUR_PICTURES", tmp_path)).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with dashboard(toured.parent, toured.name, log=tmp_path / "dashboard.log") as address:
        context = browser.new_context(viewport={"width": 1280, "height": 1000}, locale="en-US", color_scheme="light")
        visitor = Watched(context, address)
        for name, path in TOUR.items():
            visitor.open(f"{path}?study={toured.name}")
            sound(visitor)
            assert visitor.page.get_by_role("heading", level=1).inner_text() == texts("en")[f"pages.{name}"]
            picture = folder / f"dashboard_{name}.png"
            visitor.page.screenshot(path=str(picture))
            assert 10_000 < picture.stat().st_size <= LARGEST
        assert not visitor.complaints
        context.close()
