"""Page 2: who rated, how much, and what happened to the data on the way."""

from ui.frame import show
from ui.page import Page

from plural_core.dashboard.views import raters

ALL = "all"


def body(page: Page) -> None:
    """Lay out the page."""
    page.section(_groups)
    page.panel(raters.merges)
    page.panel(raters.coverage)
    page.panel(raters.scale_use)
    page.panel(raters.ingest)
    page.panel(raters.quality)


def _groups(page: Page) -> None:
    """Show who rated."""
    view = page.view
    with page.choices("groups") as choose:
        factor = choose.one("factor", {ALL: page.words("effects.all_factors"), **view.factors}, term="factor")
    page.panel(raters.groups, tuple(view.factors) if factor == ALL else (factor,))


show(body)
