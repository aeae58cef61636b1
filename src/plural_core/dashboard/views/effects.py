"""Page 4: who rates differently, in which direction, and how sure one can be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from plural_core.dashboard import store
from plural_core.dashboard.panel import Column, Panel
from plural_core.dashboard.people import slice_cells, slice_table
from plural_core.dashboard.views.context import View
from plural_core.dashboard.words import Words
from plural_core.demographics.contrasts import contrast_rows
from plural_core.figures.forest import forest_figure
from plural_core.figures.intervals import interval_figure
from plural_core.published import read_published

SCALES = ("percent", "odds")
ALL = "all"


def forest(
    view: View,
    dimensions: Sequence[str],
    factors: Sequence[str],
    references: Sequence[tuple[str, str]] = (),
    scale: str = "percent",
    published: bool = False,
) -> Panel:
    """Return effects of who rates as a forest plot.

    Parameters
    ----------
    view : View
        The study.
    dimensions, factors : sequence of str
        What to show.
    references : sequence of (str, str)
        Factors with a reference level other than the models' own.
    scale : {'percent', 'odds'}
        Percent change in odds, or odds ratios.
    published : bool
        Whether to set the paper's values beside those of the same contrast.
    """
    w = view.words
    effects, vcov = view.table("effects_demographic"), view.table("vcov_demographic")
    key = ("contrasts", store.signature(view.study, "effects_demographic"), tuple(references))
    level = view.study.config.agreement.level
    rows = view.kept(key, lambda: contrast_rows(effects, vcov, view.compared, dict(references), level))
    rows = rows[rows["dimension"].isin(list(dimensions)) & rows["factor"].isin(list(factors))]
    table = view.labelled(_in_order(rows, view)).assign(note="")
    table.loc[table["estimate"].isna(), "note"] = "not estimable"
    table["percent_low"], table["percent_high"] = 100 * np.expm1(table["ci_low"]), 100 * np.expm1(table["ci_high"])
    table["odds_low"], table["odds_high"] = np.exp(table["ci_low"]), np.exp(table["ci_high"])
    table["published"] = _published(table) if published and view.has_paper_instrument else np.nan
    percent = scale == "percent"
    value, low, high = (
        ("percent_change", "percent_low", "percent_high") if percent else ("odds_ratio", "odds_low", "odds_high")
    )
    if not percent:
        table["published"] = 1 + table["published"] / 100
    kind, digits = ("change", 0) if percent else ("number", 2)
    overlay = bool(table["published"].notna().any())
    columns = (
        *([Column("dimension_label", w("columns.dimension"))] if len(dimensions) > 1 else []),
        Column("factor_label", w("columns.factor"), term="factor"),
        Column("level", w("columns.group")),
        Column("reference", w("columns.reference"), term="reference"),
        Column(value, w(f"columns.{scale}"), kind, digits, f"odds_{scale}"),
        Column(low, w("columns.interval", level=view.level), kind, digits, "interval", high=high),
        Column("p_value", w("columns.p"), "p", term="p_value"),
        Column("p_holm", w("columns.p_holm"), "p", term="holm"),
        *([Column("published", w("columns.published"), kind, digits, "published")] if overlay else []),
        Column("note", w("columns.note"), "note"),
    )
    title = w("effects.forest.title")
    blocks = "dimension_label" if len(dimensions) > 1 else "factor_label"
    shown = table.assign(
        row_label=[
            w("effects.contrast", level=a, reference=b) for a, b in zip(table["level"], table["reference"], strict=True)
        ],
        note=[w.note(n) for n in table["note"]],
    )
    figure = forest_figure(
        shown, title=title, x=w(f"effects.forest.axis_{scale}", level=view.level), block=blocks, label="row_label",
        estimate=value, low=low, high=high, published="published" if overlay else None,
        null=0.0 if percent else 1.0, limits=_limits(table, value, low, high, percent), digits=digits, note="note",
    )  # fmt: skip
    note = " ".join(
        filter(
            None,
            [
                w("effects.forest.published_note") if overlay else "",
                w("effects.forest.no_published") if published and not overlay else "",
                view.withheld_note(effects, vcov),
            ],
        )
    )
    return Panel(f"effects-{scale}", title, _reading(table, w), table, columns, figure, note, ("clmm", "odds_ratio"))


def _in_order(rows: pd.DataFrame, view: View) -> pd.DataFrame:
    """Return rows by dimension and factor in the config's order; levels as `contrast_rows` has them."""
    ranks = rows.assign(
        d=rows["dimension"].map({v: i for i, v in enumerate(view.dimensions)}),
        f=rows["factor"].map({v: i for i, v in enumerate(view.factor_labels)}),
    )
    return rows.loc[ranks.sort_values(["d", "f"], kind="stable").index].reset_index(drop=True)


def _published(table: pd.DataFrame) -> np.ndarray:
    """Return the paper's percent change where it reports the same contrast; NaN elsewhere."""
    results = read_published()
    results = results[results["experiment"] == "clmm"]
    keys = zip(results["dimension"], results["contrast"], strict=True)
    values = dict(zip(keys, results["value"].astype(float), strict=True))
    return np.array(
        [values.get(k, np.nan) for k in zip(table["dimension"], table["contrast"], strict=True)], dtype=float
    )


def _limits(table: pd.DataFrame, value: str, low: str, high: str, percent: bool) -> tuple[float, float]:
    """Return an axis that holds every estimate and most of every interval; longer ones end in an arrow."""
    null, floor = (0.0, -100.0) if percent else (1.0, 0.0)
    estimates = table[[value, "published"]].to_numpy(dtype=float)
    known = estimates[np.isfinite(estimates)]
    if not known.size:
        return (-50.0, 50.0) if percent else (0.5, 1.5)
    ends = table[[low, high]].to_numpy(dtype=float)
    ends = ends[np.isfinite(ends)]
    reach = max(
        float(np.abs(known - null).max()) * 1.6, float(np.quantile(ends, 0.9)) - null if ends.size else 0.0, 0.2
    )
    top = min(null + reach, float(ends.max()) if ends.size else null + reach)
    bottom = max(floor, min(float(ends.min()) if ends.size else null, null))
    pad = 0.04 * (top - bottom)
    return bottom - pad, top + pad


def _reading(table: pd.DataFrame, w: Words) -> str:
    known = table[table["p_value"].notna()]
    if known.empty:
        return w("effects.forest.nothing")
    clear = known[known["p_holm"] < 0.05]
    top = known.loc[known["p_value"].idxmin()]
    return w(
        "effects.forest.reading",
        n=w.count(len(clear)),
        of=w.count(len(known)),
        dimension=top["dimension_label"],
        group=top["level"],
        reference=top["reference"],
        change=w.number(abs(top["percent_change"]), 0),
        direction=w("common.higher" if top["percent_change"] > 0 else "common.lower"),
        low=w.change(top["percent_low"]),
        high=w.change(top["percent_high"]),
        p=w.p(top["p_holm"]),
    )


def shares(view: View, dimension: str, factors: Sequence[str]) -> Panel:
    """Return the predicted share of ratings that agree in each group, all else equal."""
    w = view.words
    label = view.dimension_label(dimension)
    table = view.labelled(view.table("marginal_probabilities", {"dimension": dimension, "factor": list(factors)}))
    title = w("effects.shares.title", dimension=label)
    columns = (
        Column("factor_label", w("columns.factor")),
        Column("level", w("columns.group")),
        Column("estimate", w("columns.predicted"), "percent", 1, "predicted_share"),
        Column("ci_low", w("columns.interval", level=view.level), "percent", 1, "interval", high="ci_high"),
    )
    known = table[table["estimate"].notna()]
    if known.empty:
        reading = w("effects.shares.nothing", dimension=label)
    else:
        low, high = known.loc[known["estimate"].idxmin()], known.loc[known["estimate"].idxmax()]
        reading = w(
            "effects.shares.reading",
            dimension=label,
            low=w.percent(low["estimate"]),
            low_group=low["level"],
            high=w.percent(high["estimate"]),
            high_group=high["level"],
        )
    figure = interval_figure(
        table.assign(row_label=[f"{f}: {v}" for f, v in zip(table["factor_label"], table["level"], strict=True)]),
        label="row_label", title=title, x=w("effects.shares.axis", level=view.level), percent=True,
    )  # fmt: skip
    return Panel(
        f"predicted-shares-{dimension}", title, reading, table, columns, figure, view.withheld_note(table), ("agree",)
    )


def slices(view: View, dimension: str, factor_a: str, factor_b: str | None = None) -> Panel:
    """Return the share of ratings that agree in each cell of one or two factors, as rated."""
    w = view.words
    label = view.dimension_label(dimension)
    factors = [factor_a] if factor_b in (None, "", factor_a) else [factor_a, str(factor_b)]
    cells = view.kept(("cells", *factors), lambda: slice_cells(view.protected, factors))
    table = slice_table(view.study, view.protected, dimension, factors, cells)
    names = [view.factor_label(f) for f in factors]
    title = w("effects.slices.title", dimension=label, factors=" × ".join(names))
    columns = (
        Column("level_a", names[0]),
        *([Column("level_b", names[1])] if len(factors) == 2 else []),
        Column("share", w("columns.share_agree"), "percent", 1, "agree"),
        Column("ci_low", w("columns.interval", level=view.level), "percent", 1, "interval", high="ci_high"),
        Column("n_participants", w("columns.n_participants"), "count", term="participant"),
        Column("n_ratings", w("columns.n_ratings"), "count"),
        Column("note", w("columns.note"), "note"),
    )
    known = table[table["share"].notna()]
    if known.empty:
        reading, figure = w("effects.slices.nothing"), None
    else:
        groups = [" × ".join(str(row[f"level_{c}"]) for c in "ab"[: len(factors)]) for row in known.to_dict("records")]
        at = known["share"].reset_index(drop=True)
        low, high = int(at.idxmin()), int(at.idxmax())
        reading = w(
            "effects.slices.reading",
            dimension=label,
            low=w.percent(at[low]),
            low_group=groups[low],
            high=w.percent(at[high]),
            high_group=groups[high],
        )
        figure = interval_figure(
            known.assign(cell=known["level_a"], other=known["level_b"] if len(factors) == 2 else ""),
            label="cell", estimate="share", group="other" if len(factors) == 2 else None, n="n_ratings", title=title,
            x=w("effects.slices.axis", level=view.level), percent=True,
        )  # fmt: skip
    return Panel(
        f"slice-{dimension}-{'-'.join(factors)}", title, reading, table, columns, figure, w("effects.slices.note")
    )


def variances(view: View) -> Panel:
    """Return how much of what varies goes with the rater and how much with the answer."""
    w = view.words
    table = view.labelled(view.table("variance_shares"))
    table["term_label"] = [w(f"effects.variances.{t}") if t in ("participant", "item") else t for t in table["term"]]
    title = w("effects.variances.title")
    columns = (
        Column("dimension_label", w("columns.dimension")),
        Column("term_label", w("columns.source"), term="random_effect"),
        Column("share", w("columns.variance_share"), "percent", 1, "variance_share"),
        Column("sd", w("columns.sd"), "number", 2),
    )
    known = table[table["share"].notna()]
    if known.empty:
        reading = w("effects.variances.nothing")
    else:
        means = known.groupby("term")["share"].mean()
        reading = w(
            "effects.variances.reading",
            participant=w.percent(means.get("participant", np.nan), 0),
            item=w.percent(means.get("item", np.nan), 0),
        )
    return Panel("variance-shares", title, reading, table, columns)
