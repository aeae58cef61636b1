"""Page 10: what has run."""

from ui.frame import show
from ui.page import Page


def body(page: Page) -> None:
    """Lay out the page."""
    page.say(page.words("states.nothing"))


show(body)
