"""Page 2: who rated, how much, and what happened to the data on the way."""

from ui.frame import show
from ui.page import Page

from plural_core.dashboard.views import raters

ALL = "all"


def body(page: Page) -> None:
    """Lay out the page."""
    w, view = page.words, page.view
    with page.choices() as choose:
        factor = choose.one("factor", {ALL: w("effects.all_factors"), **view.factors}, term="factor")
    page.panel(raters.groups, tuple(view.factors) if factor == ALL else (factor,))
    page.panel(raters.merges)
    page.panel(raters.coverage)
    page.panel(raters.scale_use)
    page.panel(raters.ingest)
    page.panel(raters.quality)


show(body)
