"""Page 4: who rates differently, in which direction, and how sure one can be."""

from ui.frame import show
from ui.page import Page

from plural_core.dashboard.people import offered_slices
from plural_core.dashboard.views import effects

ALL = "all"


def body(page: Page) -> None:
    """Lay out the page."""
    page.section(_effects)
    page.panel(effects.variances)


def _effects(page: Page) -> None:
    """Show effects, predicted shares and plain shares of a dimension."""
    w, view = page.words, page.view
    with page.choices("effects") as choose:
        dimension = choose.one("dimension", {**view.dimensions, ALL: w("effects.all_dimensions")})
        factors = {ALL: w("effects.all_factors"), **{f: view.factor_label(f) for f in view.compared}}
        factor = choose.one("factor", factors, clears=("reference",), term="factor")
        reference = ""
        if factor != ALL:
            reference = choose.one("reference", {g: g for g in view.compared[factor]}, term="reference")
        scale = choose.one("scale", {s: w(f"options.{s}") for s in effects.SCALES}, term="odds_ratio")
        published = view.has_paper_instrument and choose.switch("published", True, term="published")
    dimensions = tuple(view.dimensions) if dimension == ALL else (dimension,)
    shown = tuple(view.compared) if factor == ALL else (factor,)
    references = ((factor, reference),) if reference else ()
    page.panel(effects.forest, dimensions, shown, references, scale, published)
    page.panel(effects.shares, dimensions[0], shown)
    page.section(_slice, dimensions[0])


def _slice(page: Page, dimension: str) -> None:
    """Show what people said in the groups of one or two characteristics."""
    w, view = page.words, page.view
    offered = offered_slices(view.protected)
    if not offered:
        return
    with page.choices("slice") as choose:
        a = choose.one("slice_a", view.factors, clears=("slice_b",))
        partners = [f for pair in offered if len(pair) == 2 and a in pair for f in pair if f != a]
        options = {"": w("options.nothing"), **{f: view.factor_label(f) for f in partners}}
        b = choose.one("slice_b", options, partners[0] if partners else "")
    page.panel(effects.slices, dimension, a, b)


show(body)
