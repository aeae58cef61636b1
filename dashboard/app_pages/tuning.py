"""Page 5: what models become when they are tuned on some ratings rather than others."""

from ui.frame import show
from ui.page import Page

from plural_core.dashboard.views import tuning


def body(page: Page) -> None:
    """Lay out the page."""
    if not page.view.study.config.experiments:
        page.say(page.words("tuning.none"))
        return
    page.section(_experiment)


def _experiment(page: Page) -> None:
    """Choose an experiment and how to pool, and show all of its comparisons."""
    w, view = page.words, page.view
    config = view.study.config
    known = page.made(tuning.families)
    with page.choices("experiment") as choose:
        clears = ("contrast", "dimension")
        experiment = choose.one("experiment", tuning.experiments(view), clears=clears, term="experiment")
        families = tuple(choose.some("families", {f: config.models.label(f) for f in known}, term="family"))
        judge = choose.one("judge", {j: j for j in config.judges}, term="judge")
    with page.choices("pooling") as choose:
        method = choose.one("method", {m: m for m in tuning.methods(view)}, term="estimator")
        usual = config.pooling.test == "knha"
        test = "knha" if choose.switch("knha", usual, term="knha") else "z"
        sure = choose.one("sure", {s: w(f"options.{s}") for s in (tuning.MODELS, tuning.RATERS)}, term="sure")
        control = choose.switch("size_control", False, term="size_control")
    page.panel(tuning.overview, experiment, judge, families, method, test)
    if control:
        page.panel(tuning.size_control, experiment, judge)
    page.section(_contrast, experiment, judge, families, method, test, sure)
    page.panel(tuning.ratios, experiment, judge)
    page.panel(tuning.equivalence, experiment, judge)


def _contrast(
    page: Page, experiment: str, judge: str, families: tuple[str, ...], method: str, test: str, sure: str
) -> None:
    """Choose a comparison, and show it in every family and pooled."""
    view = page.view
    contrasts = tuning.contrasts(view, experiment)
    scored = {d: view.dimension_label(d) for d in view.study.config.scored_dimensions}
    with page.choices("contrast") as choose:
        labels = {name: c.label for name, c in contrasts.items()}
        contrast = choose.one("contrast", labels, clears=("dimension",), term="contrast")
        dimension = choose.one("dimension", scored, contrasts[contrast].dimension)
    page.panel(tuning.forest, experiment, contrast, dimension, judge, families, method, test, sure)
    page.panel(tuning.left_out, experiment, contrast, dimension, judge, families, method, test)
    page.panel(tuning.sensitivity, experiment, contrast, dimension, judge)


show(body)
