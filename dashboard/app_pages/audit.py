"""Page 7: whose view a training set keeps, and how far the judge agrees with people."""

from ui.frame import show
from ui.page import Page

from plural_core.dashboard.store import TableMissing
from plural_core.dashboard.views import audit


def body(page: Page) -> None:
    """Lay out the page."""
    page.section(_audit)
    page.section(_judge)


def _audit(page: Page) -> None:
    """Show whose view a training set keeps."""
    view = page.view
    dimensions = audit.influence_dimensions(view)
    with page.choices("audit") as choose:
        dimension = choose.one("dimension", dimensions)
        factor = choose.one("factor", view.factors, term="factor")
    if dimension and factor:
        page.panel(audit.influence, dimension, factor)
        page.panel(audit.sizes)
        page.panel(audit.raters, factor)


def _judge(page: Page) -> None:
    """Show how far the judge agrees with people."""
    w, view = page.words, page.view
    try:
        judges = audit.judges(view)
    except TableMissing:
        judges = []
    if not judges:
        page.say(w("audit.no_judge"))
        return
    scored = {d: view.dimension_label(d) for d in view.study.config.scored_dimensions}
    with page.choices("judge") as choose:
        judge = choose.one("judge", {j: j for j in judges}, term="judge")
        judged = choose.one("judged", scored, label="filters.dimension")
    page.panel(audit.agreement, judge)
    page.panel(audit.calibration, judge)
    page.panel(audit.judge_groups, judge, judged)


show(body)
