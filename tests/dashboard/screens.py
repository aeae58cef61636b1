"""What the browser tests ask of every screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plural_core.dashboard.words import texts

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.dashboard.browsing import Watched

ERRORS = tuple(texts(language)["states.error"].split("{")[0].strip() for language in ("en", "de"))
WIDTHS = (390, 1920)


def unfolded(visitor: Watched, key: str) -> Locator:
    """Unfold a list by keyboard and return its options."""
    box = visitor.page.locator(f".{key}").get_by_role("combobox").first
    box.scroll_into_view_if_needed()
    visitor.page.wait_for_timeout(300)  # a list that unfolds while the page scrolls folds up again
    box.focus()
    visitor.page.keyboard.press("ArrowDown")
    options = visitor.page.get_by_role("option")
    options.first.wait_for()
    return options


def sound(visitor: Watched) -> None:
    """Fail where a page shows a traceback or an error."""
    text = visitor.text
    assert "Traceback" not in text
    assert not [e for e in ERRORS if e in text]
    assert visitor.page.locator("[data-testid=stException]").count() == 0
