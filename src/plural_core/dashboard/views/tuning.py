"""Page 5: what models become, pooled over model families."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from plural_core.dashboard import store
from plural_core.dashboard.panel import Column, Panel
from plural_core.dashboard.views.context import View
from plural_core.figures.forest import SUMMARY, forest_figure
from plural_core.pooling.pool import pooled_table, usable_std_errors
from plural_core.pooling.story import forest_rows, published_values
from plural_core.study import StudyConfig
from plural_core.study.contrasts import Contrast, study_contrasts
from plural_core.synthesis import SynthesisError, leave_one_out

METHODS = ("DL", "REML", "PM")
MODELS, RATERS = "models", "raters"
KEY = ("experiment", "contrast", "dimension", "judge")


def experiments(view: View) -> dict[str, str]:
    """Return the title of each experiment."""
    return {name: e.title for name, e in view.study.config.experiments.items()}


def contrasts(view: View, experiment: str) -> dict[str, Contrast]:
    """Return the contrasts of an experiment, the declared ones first."""
    return {c.name: c for c in study_contrasts(view.study.config, experiment)}


def methods(view: View) -> list[str]:
    """Return the estimators to choose from, the study's own first."""
    return list(dict.fromkeys([view.study.config.pooling.method, *METHODS]))


def families(view: View) -> list[str]:
    """Return the families that have effects, in the config's order."""
    found = set(store.read(view.study, "effects", columns=["family"])["family"])
    return [f for f in view.study.config.models.families if f in found]


def _settings(view: View, method: str, test: str) -> StudyConfig:
    config = view.study.config
    pooling = config.pooling.model_copy(update={"method": method, "test": test})
    return config.model_copy(update={"pooling": pooling})


def forest(
    view: View,
    experiment: str,
    contrast: str,
    dimension: str,
    judge: str,
    chosen: Sequence[str],
    method: str = "DL",
    test: str = "z",
    sure: str = MODELS,
) -> Panel:
    """Return one contrast's effect in each family, and pooled.

    Parameters
    ----------
    view : View
        The study.
    experiment, contrast, dimension, judge : str
        Which effect.
    chosen : sequence of str
        Families to pool.
    method, test : str
        Estimator of the variance between families; ``z`` or ``knha`` (Hartung and Knapp).
    sure : {'models', 'raters'}
        How sure: over models, or over models and raters (where participants were drawn anew).
    """
    w = view.words
    found = contrasts(view, experiment)[contrast]
    where = dict(zip(KEY, (experiment, contrast, dimension, judge), strict=True))
    effects = store.read(view.study, "effects", where)
    config = _settings(view, method, test)
    values = published_values() if view.has_paper_instrument else {}
    rows = forest_rows(effects, pd.DataFrame(), config, found, dimension, judge, values, list(chosen))
    label = view.dimension_label(dimension)
    title = w("tuning.forest.title", contrast=found.label, dimension=label)
    columns = (
        Column("row", w("columns.family"), term="family"),
        Column("estimate", w("columns.difference"), "signed", 3, "score_difference"),
        Column("ci_low", w("columns.interval", level=_level(view)), "signed", 3, "interval", high="ci_high"),
        Column("weight", w("columns.weight"), "change", 0, "weight"),
        Column("pi_low", w("columns.prediction"), "signed", 3, "prediction", high="pi_high"),
        Column("n_prompts", w("columns.n_prompts"), "count", term="test_prompt"),
        Column("n_unscorable", w("columns.n_unscorable"), "count", term="unscorable"),
    )
    if rows.empty:
        return Panel(f"pooled-{contrast}", title, w("tuning.forest.nothing"), rows.assign(row=""), ())
    summary = rows["kind"] == SUMMARY
    rows["row"] = rows["label"].mask(summary, w("tuning.forest.pooled", method=method))
    notes = []
    if sure == RATERS:
        notes.append(_with_raters(view, rows, summary, where, chosen))
    one = rows[summary].iloc[0]
    pooled = _pooled_row(effects, config, chosen)
    reading = w(
        "tuning.forest.reading",
        first=view.study.config.condition_labels[found.first],
        second=view.study.config.condition_labels[found.second],
        dimension=label,
        points=w.number(abs(100 * one["estimate"]), 1),
        direction=w("common.higher" if one["estimate"] > 0 else "common.lower"),
        low=w.signed(100 * one["ci_low"], 1),
        high=w.signed(100 * one["ci_high"], 1),
        k=w.count((~summary).sum()),
        tau=w.number(math.sqrt(pooled["tau2"]), 3),
        i2=w.number(pooled["i2"], 0),
        p=w.p(pooled["p_value"]),
    )
    unscorable = int(rows.loc[~summary, "n_unscorable"].sum())
    if unscorable:
        low, high = effects["bound_low"].min(), effects["bound_high"].max()
        notes.append(w("tuning.forest.unscorable", n=w.count(unscorable), low=w.signed(low, 3), high=w.signed(high, 3)))
    if rows["published"].notna().any():
        notes.append(w("tuning.forest.published"))
    if len(chosen) < 2:
        notes.append(w("tuning.forest.one"))
    figure = forest_figure(
        rows, title=title, x=w("tuning.forest.axis", level=_level(view)), label="row", kind="kind", weight="weight",
        prediction=("pi_low", "pi_high"), published="published" if rows["published"].notna().any() else None, digits=3,
    )  # fmt: skip
    table = rows.drop(columns="label")
    return Panel(
        f"pooled-{contrast}",
        title,
        reading,
        table,
        columns,
        figure,
        " ".join(filter(None, notes)),
        ("tau", "i2", "p_value"),
    )


def _level(view: View) -> str:
    return view.words.percent(view.study.config.pooling.level, 0)


def _pooled_row(effects: pd.DataFrame, config: StudyConfig, chosen: Sequence[str]) -> pd.Series:
    pooled = pooled_table(effects, config, list(chosen))
    own = (pooled["method"] == config.pooling.method) & (pooled["test"] == config.pooling.test)
    return pooled[own].iloc[0]


def _with_raters(
    view: View, rows: pd.DataFrame, summary: pd.Series, where: dict[str, str], chosen: Sequence[str]
) -> str:
    """Widen the pooled interval by what differs between draws of participants; return what to say about it."""
    w = view.words
    try:
        table = store.read(view.study, "pooled_raters", dict(where))
    except store.TableMissing:
        table = pd.DataFrame()
    if table.empty:
        return w("tuning.raters.none")
    if list(chosen) != families(view):
        return w("tuning.raters.all_families")
    row = table.iloc[0]
    rows.loc[summary, ["estimate", "ci_low", "ci_high"]] = [row["estimate"], row["ci_low"], row["ci_high"]]
    rows.loc[summary, ["pi_low", "pi_high"]] = math.nan
    return w("tuning.raters.shown", n=w.count(row["replicates"]))


def overview(
    view: View, experiment: str, judge: str, chosen: Sequence[str], method: str = "DL", test: str = "z"
) -> Panel:
    """Return the declared contrasts of an experiment on their primary dimensions, pooled."""
    w, config = view.words, view.study.config
    if list(chosen) == families(view):
        where: dict[str, object] = {"experiment": experiment, "judge": judge, "method": method, "test": test}
        pooled = store.read(view.study, "pooled", where)
    else:
        effects = store.read(view.study, "effects", {"experiment": experiment, "judge": judge})
        pooled = pooled_table(effects, _settings(view, method, test), list(chosen))
        pooled = pooled[(pooled["method"] == method) & (pooled["test"] == test)]
    values = published_values() if view.has_paper_instrument else {}
    rows = []
    for name, contrast in contrasts(view, experiment).items():
        if contrast.dimension is None:
            continue
        part = pooled[(pooled["contrast"] == name) & (pooled["dimension"] == contrast.dimension)]
        known = config.experiments[experiment].contrasts[name].published.get(contrast.dimension, "")
        rows.append(
            part.assign(
                contrast_label=contrast.label,
                primary=contrast.primary,
                dimension_label=view.dimension_label(contrast.dimension),
                published=values.get(known, math.nan),
            )
        )
    title = w("tuning.overview.title")
    columns = (
        Column("contrast_label", w("columns.contrast"), term="contrast"),
        Column("dimension_label", w("columns.dimension")),
        Column("estimate", w("columns.difference"), "signed", 3, "score_difference"),
        Column("ci_low", w("columns.interval", level=_level(view)), "signed", 3, "interval", high="ci_high"),
        Column("p_value", w("columns.p"), "p", term="p_value"),
        Column("p_holm", w("columns.p_holm"), "p", term="holm"),
        Column("tau", w("columns.tau"), "number", 3, "tau"),
        Column("i2", w("columns.i2"), "number", 0, "i2"),
        Column("pi_low", w("columns.prediction"), "signed", 3, "prediction", high="pi_high"),
        Column("k", w("columns.families"), "count", term="family"),
    )
    table = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["contrast_label"])
    if table.empty:
        return Panel("contrasts", title, w("tuning.overview.nothing"), table, ())
    table["tau"] = table["tau2"] ** 0.5
    tested = table[table["p_holm"].notna()]
    clear = tested[tested["p_holm"] < 0.05]
    reading = w("tuning.overview.reading", n=w.count(len(clear)), of=w.count(len(tested)))
    figure = forest_figure(
        table.assign(row_label=table["contrast_label"]), title=title, x=w("tuning.overview.axis", level=_level(view)),
        block="dimension_label", label="row_label", digits=3,
        published="published" if table["published"].notna().any() else None,
    )  # fmt: skip
    note = w("tuning.overview.note") if not table["primary"].all() else ""
    return Panel(f"contrasts-{experiment}", title, reading, table, columns, figure, note)


def left_out(
    view: View,
    experiment: str,
    contrast: str,
    dimension: str,
    judge: str,
    chosen: Sequence[str],
    method: str,
    test: str,
) -> Panel:
    """Return the pooled effect of a contrast without each family in turn."""
    w = view.words
    title = w("tuning.left_out.title")
    where: dict[str, object] = dict(zip(KEY, (experiment, contrast, dimension, judge), strict=True))
    effects = store.read(view.study, "effects", {**where, "family": list(chosen)})
    effects = effects[effects["estimate"].notna()]
    labels = [view.study.config.models.label(f) for f in effects["family"]]
    try:
        series = leave_one_out(
            effects["estimate"].to_numpy(), usable_std_errors(effects), method=method, test=test,  # type: ignore[arg-type]
            level=view.study.config.pooling.level, labels=labels,
        )  # fmt: skip
    except SynthesisError:
        return Panel("left-out", title, w("tuning.left_out.nothing"), pd.DataFrame(columns=["omitted"]), ())
    table = series.to_frame()
    columns = (
        Column("omitted", w("columns.omitted"), term="left_out"),
        Column("estimate", w("columns.difference"), "signed", 3, "score_difference"),
        Column("ci_low", w("columns.interval", level=_level(view)), "signed", 3, "interval", high="ci_high"),
        Column("p_value", w("columns.p"), "p", term="p_value"),
        Column("i2", w("columns.i2"), "number", 0, "i2"),
        Column("k", w("columns.families"), "count", term="family"),
    )
    low, high = table.loc[table["estimate"].idxmin()], table.loc[table["estimate"].idxmax()]
    zero = table[(table["ci_low"] <= 0) & (table["ci_high"] >= 0)]
    reading = w(
        "tuning.left_out.reading",
        low=w.signed(low["estimate"], 3),
        low_family=low["omitted"],
        high=w.signed(high["estimate"], 3),
        high_family=high["omitted"],
        n=w.count(len(zero)),
        of=w.count(len(table)),
    )
    figure = forest_figure(
        table, title=title, x=w("tuning.overview.axis", level=_level(view)), label="omitted", digits=3
    )
    return Panel(f"left-out-{contrast}", title, reading, table, columns, figure)


def sensitivity(view: View, experiment: str, contrast: str, dimension: str, judge: str) -> Panel:
    """Return one contrast under every estimator and test, all families."""
    w = view.words
    where = dict(zip(KEY, (experiment, contrast, dimension, judge), strict=True))
    table = store.read(view.study, "pooled", where)
    table["test_label"] = [w.named(f"options.{t}", t) for t in table["test"]]
    table["tau"] = table["tau2"] ** 0.5
    columns = (
        Column("method", w("columns.method"), term="estimator"),
        Column("test_label", w("columns.test"), term="knha"),
        Column("estimate", w("columns.difference"), "signed", 3, "score_difference"),
        Column("ci_low", w("columns.interval", level=_level(view)), "signed", 3, "interval", high="ci_high"),
        Column("p_value", w("columns.p"), "p", term="p_value"),
        Column("tau", w("columns.tau"), "number", 3, "tau"),
        Column("i2", w("columns.i2"), "number", 0, "i2"),
        Column("pi_low", w("columns.prediction"), "signed", 3, "prediction", high="pi_high"),
    )
    title = w("tuning.sensitivity.title")
    if table.empty:
        return Panel("sensitivity", title, w("tuning.forest.nothing"), table, ())
    apart = int(((table["ci_low"] > 0) | (table["ci_high"] < 0)).sum())
    reading = w("tuning.sensitivity.reading", n=w.count(apart), of=w.count(len(table)))
    return Panel(f"sensitivity-{contrast}", title, reading, table, columns)


def size_control(view: View, experiment: str, judge: str) -> Panel:
    """Return contrasts as published, at equal numbers of comparisons, and at equal updates."""
    w = view.words
    table = store.read(view.study, "size_control", {"experiment": experiment, "judge": judge})
    table["control_label"] = [w.named(f"tuning.size_control.{c.replace(' ', '_')}", c) for c in table["control"]]
    table["dimension_label"] = [view.dimension_label(d) for d in table["dimension"]]
    columns = (
        Column("question", w("columns.contrast"), term="contrast"),
        Column("control_label", w("columns.control"), term="size_control"),
        Column("estimate", w("columns.difference"), "signed", 3, "score_difference"),
        Column("ci_low", w("columns.interval", level=_level(view)), "signed", 3, "interval", high="ci_high"),
        Column("share_left", w("columns.share_left"), "percent", 0, "share_left"),
        Column("n_first", w("columns.n_first"), "count", term="comparison"),
        Column("n_second", w("columns.n_second"), "count", term="comparison"),
    )
    title = w("tuning.size_control.title")
    if table.empty:
        return Panel("size-control", title, w("tuning.size_control.nothing"), table, ())
    controlled = table[(table["control"] != "as published") & table["share_left"].notna()]
    if controlled.empty:
        reading = w("tuning.size_control.no_share")
    else:
        low, high = controlled["share_left"].min(), controlled["share_left"].max()
        reading = w("tuning.size_control.reading", low=w.percent(low, 0), high=w.percent(high, 0))
    figure = forest_figure(
        table, title=title, x=w("tuning.overview.axis", level=_level(view)), block="question", label="control_label",
        digits=3,
    )  # fmt: skip
    return Panel(f"size-control-{experiment}", title, reading, table, columns, figure)


def equivalence(view: View, experiment: str, judge: str) -> Panel:
    """Return the tests of equivalence on dimensions for which no effect is expected."""
    w = view.words
    table = store.read(view.study, "equivalence", {"experiment": experiment, "judge": judge})
    labels = {name: c.label for name, c in contrasts(view, experiment).items()}
    table["contrast_label"] = [labels.get(c, c) for c in table["contrast"]]
    table["dimension_label"] = [view.dimension_label(d) for d in table["dimension"]]
    columns = (
        Column("contrast_label", w("columns.contrast"), term="contrast"),
        Column("dimension_label", w("columns.dimension")),
        Column("estimate", w("columns.difference"), "signed", 3, "score_difference"),
        Column("ci_low", w("columns.interval_tost"), "signed", 3, "interval", high="ci_high"),
        Column("equivalent", w("columns.equivalent"), "yes", term="equivalent"),
        Column("p_value", w("columns.p"), "p", term="p_value"),
    )
    title = w("tuning.equivalence.title")
    if table.empty:
        return Panel("equivalence", title, w("tuning.equivalence.nothing"), table, ())
    reading = w(
        "tuning.equivalence.reading",
        n=w.count(table["equivalent"].sum()),
        of=w.count(len(table)),
        margin=w.number(table["margin"].iloc[0], 2),
    )
    return Panel(f"equivalence-{experiment}", title, reading, table, columns)


def ratios(view: View, experiment: str, judge: str) -> Panel:
    """Return by what factor one condition's effect exceeds another's."""
    w = view.words
    table = store.read(view.study, "ratios", {"experiment": experiment, "judge": judge})
    labels = {name: c.label for name, c in contrasts(view, experiment).items()}
    table["contrast_label"] = [labels.get(c, c) for c in table["contrast"]]
    table["dimension_label"] = [view.dimension_label(d) for d in table["dimension"]]
    table["shape_label"] = [w.named(f"tuning.ratios.{s}", s) for s in table["shape"]]
    bounded = table["shape"] == "bounded"
    table.loc[~bounded, ["ci_low", "ci_high"]] = math.nan
    columns = (
        Column("contrast_label", w("columns.contrast"), term="contrast"),
        Column("dimension_label", w("columns.dimension")),
        Column("ratio", w("columns.ratio"), "number", 2, "effect_ratio"),
        Column("ci_low", w("columns.interval", level=_level(view)), "number", 2, "fieller", high="ci_high"),
        Column("shape_label", w("columns.note")),
    )
    title = w("tuning.ratios.title")
    if table.empty:
        return Panel("ratios", title, w("tuning.ratios.nothing"), table, ())
    reading = w("tuning.ratios.reading", n=w.count(bounded.sum()), of=w.count(len(table)))
    return Panel(f"ratios-{experiment}", title, reading, table, columns)
