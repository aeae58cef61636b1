"""Page 7: whose view a training set keeps, and how far the judge agrees with people."""

from __future__ import annotations

import pandas as pd

from plural_core.dashboard import store
from plural_core.dashboard.panel import Column, Panel
from plural_core.dashboard.views.context import View
from plural_core.figures.audit import influence_figure, sizes_figure
from plural_core.figures.judges import calibration_figure, judge_agreement_figure, judge_groups_figure
from plural_core.preferences.story import AGGREGATION_LABELS


def influence_dimensions(view: View) -> dict[str, str]:
    """Return the dimensions for which there is an audit."""
    found = set(store.read(view.study, "influence", columns=["dimension"])["dimension"])
    return {name: label for name, label in view.dimensions.items() if name in found}


def influence(view: View, dimension: str, factor: str) -> Panel:
    """Return how often the label that a model is trained on is each group's own, by handling of disagreement."""
    w = view.words
    table = view.labelled(view.table("influence", {"dimension": dimension, "factor": factor}))
    hows = list(AGGREGATION_LABELS)
    table = table.sort_values(
        "aggregation", key=lambda s: s.map({h: i for i, h in enumerate(hows)}), kind="stable", ignore_index=True
    )
    table["handling"] = [w.named(f"audit.handling.{a}", a) for a in table["aggregation"]]
    title = w("audit.influence.title", dimension=view.dimension_label(dimension), factor=view.factor_label(factor))
    columns = (
        Column("handling", w("columns.handling"), term="handling"),
        Column("level", w("columns.group")),
        Column("agreement", w("columns.label_is_own"), "percent", 1, "label_is_own"),
        Column("outvoted", w("columns.outvoted"), "percent", 1, "outvoted"),
        Column("difference", w("columns.mean_minus_label"), "signed", 2, "mean_minus_label"),
        Column("share_participants", w("columns.share_people"), "percent", 1),
        Column("share_ratings", w("columns.share_ratings"), "percent", 1),
        Column("n_participants", w("columns.n_participants"), "count", term="participant"),
        Column("note", w("columns.note"), "note"),
    )
    known = table[table["agreement"].notna()]
    if known.empty:
        reading = w("audit.influence.nothing")
    else:
        spread = known.groupby("aggregation", sort=False)["agreement"].agg(lambda s: s.max() - s.min())
        how = spread.idxmax()
        part = known[known["aggregation"] == how]
        low, high = part.loc[part["agreement"].idxmin()], part.loc[part["agreement"].idxmax()]
        reading = w(
            "audit.influence.reading",
            handling=low["handling"],
            high_group=high["level"],
            high=w.percent(high["agreement"]),
            low_group=low["level"],
            low=w.percent(low["agreement"]),
        )
    labels = {name: w(f"audit.handling.{name}") for name in hows} | view.factor_labels
    figure = influence_figure(table, title=title, labels=labels)
    figure.update_layout({"xaxis": {"title": {"text": w("audit.influence.axis")}}})
    return Panel(f"influence-{dimension}-{factor}", title, reading, table, columns, figure, view.withheld_note(table))


def sizes(view: View) -> Panel:
    """Return how much each condition has to train on."""
    w = view.words
    table = store.read(view.study, "conditions")
    labels = view.study.config.condition_labels
    order = {name: i for i, name in enumerate(labels)}
    at = table["condition"].map(order).fillna(len(order)).sort_values(kind="stable").index
    table = table.loc[at].reset_index(drop=True)
    table["condition_label"] = [labels.get(c, c) for c in table["condition"]]
    title = w("audit.sizes.title")
    columns = (
        Column("condition_label", w("columns.condition"), term="condition"),
        Column("n_ratings", w("columns.n_ratings"), "count"),
        Column("n_items", w("columns.n_items"), "count", term="item"),
        Column("n_pairs_raw", w("columns.comparisons"), "count", term="comparison"),
        Column("n_pairs", w("columns.pairs"), "count", term="merged_pair"),
        Column("n_ties", w("columns.ties"), "count", term="tie"),
        Column("note", w("columns.note"), "note"),
    )
    if table.empty:
        return Panel("sizes", title, w("audit.sizes.nothing"), table, ())
    most, least = table.loc[table["n_pairs_raw"].idxmax()], table.loc[table["n_pairs_raw"].idxmin()]
    reading = w(
        "audit.sizes.reading",
        most=most["condition_label"],
        most_n=w.count(most["n_pairs_raw"]),
        least=least["condition_label"],
        least_n=w.count(least["n_pairs_raw"]),
    )
    long = pd.concat(
        [
            table[["condition_label", name]].rename(columns={name: "n"}).assign(what=w(f"columns.{what}"))
            for name, what in (("n_pairs_raw", "comparisons"), ("n_pairs", "pairs"))
        ]
    ).rename(columns={"condition_label": "condition"})
    figure = sizes_figure(long, title=title)
    figure.update_layout(xaxis_title=w("audit.sizes.axis"))
    return Panel("sizes", title, reading, table, columns, figure)


def raters(view: View, factor: str) -> Panel:
    """Return each group's share of the ratings that conditions use."""
    w = view.words
    table = view.labelled(view.table("condition_raters", {"factor": factor}))
    labels = view.study.config.condition_labels
    order = {name: i for i, name in enumerate(labels)}
    table = table.sort_values("condition", key=lambda c: c.map(order), kind="stable", ignore_index=True)
    table["condition_label"] = [labels.get(c, c) for c in table["condition"]]
    columns = (
        Column("condition_label", w("columns.condition"), term="condition"),
        Column("level", w("columns.group")),
        Column("share_ratings", w("columns.share_ratings"), "percent", 1),
        Column("n_ratings", w("columns.n_ratings"), "count"),
        Column("n_participants", w("columns.n_participants"), "count", term="participant"),
        Column("note", w("columns.note"), "note"),
    )
    title = w("audit.raters.title", factor=view.factor_label(factor))
    key = "audit.raters.reading" if len(table) else "audit.raters.nothing"
    return Panel(f"raters-{factor}", title, w(key), table, columns, note=view.withheld_note(table))


def judges(view: View) -> list[str]:
    """Return the judges that were held against people."""
    found = set(store.read(view.study, "judge_agreement", columns=["judge"])["judge"])
    return [j for j in view.study.config.judges if j in found]


def agreement(view: View, judge: str) -> Panel:
    """Return agreement of a judge with people beside that of people with each other."""
    w = view.words
    table = store.read(view.study, "judge_agreement", {"judge": judge})
    table = view.labelled(view.in_order(table))
    table["comparison_label"] = [w.named(f"audit.comparisons.{c}", c) for c in table["comparison"]]
    table["measure_label"] = [w.named(f"audit.measures.{m}", m) for m in table["measure"]]
    title = w("audit.agreement.title", judge=judge)
    columns = (
        Column("dimension_label", w("columns.dimension")),
        Column("measure_label", w("columns.measure"), term="agreement_measure"),
        Column("comparison_label", w("columns.compared")),
        Column("estimate", w("columns.value"), "number", 3),
        Column("ci_low", w("columns.interval", level=view.level), "number", 3, "interval", high="ci_high"),
        Column("n_items", w("columns.n_items"), "count", term="item"),
        Column("n_ratings", w("columns.n_ratings"), "count"),
        Column("note", w("columns.note"), "note"),
    )
    side = table[(table["measure"] == "side") & table["estimate"].notna()]
    mine = side[side["comparison"] == "judge-rater"]
    theirs = side[side["comparison"] == "rater-rater"]
    if mine.empty or theirs.empty:
        reading = w("audit.agreement.nothing")
    else:
        reading = w(
            "audit.agreement.reading",
            judge=w.percent(mine["estimate"].mean(), 0),
            people=w.percent(theirs["estimate"].mean(), 0),
        )
    figure = judge_agreement_figure(table, view.dimensions, title=title)
    return Panel(f"judge-agreement-{judge}", title, reading, table, columns, figure)


def calibration(view: View, judge: str) -> Panel:
    """Return what people say where a judge gives a score."""
    w = view.words
    table = view.labelled(view.in_order(store.read(view.study, "judge_calibration", {"judge": judge})))
    title = w("audit.calibration.title", judge=judge)
    columns = (
        Column("dimension_label", w("columns.dimension")),
        Column("score_mean", w("columns.judge_score"), "number", 2, "score"),
        Column("rating_mean", w("columns.people_mean"), "number", 2, "mean_rating_share"),
        Column("ci_low", w("columns.interval", level=view.level), "number", 2, "interval", high="ci_high"),
        Column("n_items", w("columns.n_items"), "count", term="item"),
        Column("n_ratings", w("columns.n_ratings"), "count"),
    )
    known = table[table["rating_mean"].notna()]
    if known.empty:
        return Panel("calibration", title, w("audit.calibration.nothing"), table, ())
    off = (known["score_mean"] - known["rating_mean"]).abs()
    reading = w("audit.calibration.reading", off=w.number(off.mean(), 2), most=w.number(off.max(), 2))
    return Panel(
        f"calibration-{judge}", title, reading, table, columns, calibration_figure(table, view.dimensions, title)
    )


def judge_groups(view: View, judge: str, dimension: str) -> Panel:
    """Return how far a judge's scores lie from each group's own ratings."""
    w = view.words
    table = view.labelled(view.table("judge_groups", {"judge": judge, "dimension": dimension}))
    label = view.dimension_label(dimension)
    title = w("audit.groups.title", judge=judge, dimension=label)
    columns = (
        Column("factor_label", w("columns.factor"), term="factor"),
        Column("level", w("columns.group")),
        Column("difference", w("columns.score_less_rating"), "signed", 3, "score_less_rating"),
        Column(
            "difference_low", w("columns.interval", level=view.level), "signed", 3, "interval", high="difference_high"
        ),
        Column("agreement", w("columns.same_side"), "percent", 1, "same_side"),
        Column("own_agreement", w("columns.own_side"), "percent", 1, "own_side"),
        Column("n_participants", w("columns.n_participants"), "count", term="participant"),
        Column("note", w("columns.note"), "note"),
    )
    known = table[table["difference"].notna()]
    if known.empty:
        return Panel("judge-groups", title, w("audit.groups.nothing"), table, ())
    low, high = known.loc[known["difference"].idxmin()], known.loc[known["difference"].idxmax()]
    reading = w(
        "audit.groups.reading",
        low_group=low["level_label"],
        low=w.signed(low["difference"], 2),
        high_group=high["level_label"],
        high=w.signed(high["difference"], 2),
    )
    shown = table.assign(factor=[view.factor_label(f) for f in table["factor"]])
    figure = judge_groups_figure(shown, view.dimensions, judge=judge, dimension=dimension, title=title)
    figure.update_layout(xaxis_title=w("audit.groups.axis"))
    return Panel(f"judge-groups-{judge}-{dimension}", title, reading, table, columns, figure, view.withheld_note(table))
