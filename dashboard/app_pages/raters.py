"""Page 2: who rated, how much, and what happened to the data on the way."""

from ui.frame import show
from ui.page import Page


def body(page: Page) -> None:
    """Lay out the page."""
    page.say(page.words("states.nothing"))


show(body)
