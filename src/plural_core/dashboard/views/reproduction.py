"""Page 8: the published results beside those of this study."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from plural_core.dashboard import store
from plural_core.dashboard.panel import Column, Panel
from plural_core.dashboard.views.context import View
from plural_core.figures.forest import forest_figure

ALL = "all"
DIGITS = {"count": 0, "percent": 1}


def parts(view: View) -> dict[str, str]:
    """Return the parts of the published table, with names for readers."""
    w = view.words
    found = dict.fromkeys(store.read(view.study, "reproduction", columns=["experiment"])["experiment"])
    order = ["data", "disagreement", "cooccurrence", "clmm", "reliability", "demographic", "scale"]
    order += ["disagreement_handling", "algorithm", "evaluation"]
    names = [p for p in order if p in found] + [p for p in found if p not in order]
    return {p: w.named(f"reproduction.parts.{p}", p) for p in names}


def beside(view: View, part: str) -> Panel:
    """Return published values beside ours for a part of the published table."""
    w = view.words
    table = store.read(view.study, "reproduction", None if part == ALL else {"experiment": part})
    labels = view.dimensions
    table["dimension_label"] = [labels.get(d, d or "") if isinstance(d, str) else "" for d in table["dimension"]]
    digits = [DIGITS.get(u, 3) for u in table["unit"]]
    for name in ("published", "ours"):
        table[f"{name}_text"] = [w.number(v, d) for v, d in zip(table[name], digits, strict=True)]
    table["interval_text"] = [
        w.span(w.number(a, d), w.number(b, d))
        for a, b, d in zip(table["ci_low"], table["ci_high"], digits, strict=True)
    ]
    names = parts(view)
    title = w("reproduction.title", part=names.get(part, w("reproduction.everything")))
    columns = (
        Column("quantity", w("columns.quantity")),
        Column("contrast", w("columns.contrast")),
        Column("dimension_label", w("columns.dimension")),
        Column("published_text", w("columns.published"), "raw", term="published"),
        Column("ours_text", w("columns.here"), "raw"),
        Column("interval_text", w("columns.interval", level=view.level), "raw", term="interval"),
        Column("same_sign", w("columns.same_sign"), "yes", term="same_sign"),
        Column("inside", w("columns.inside"), "yes", term="inside"),
        Column("same_significance", w("columns.same_significance"), "yes", term="same_significance"),
        Column("note", w("columns.note"), "note"),
    )
    signs, inside = table["same_sign"].dropna(), table["inside"].dropna()
    if not len(signs) and not len(inside):
        reading = w("reproduction.nothing")
    else:
        reading = w(
            "reproduction.reading",
            same=w.count(signs.astype(bool).sum()),
            signs=w.count(len(signs)),
            inside=w.count(inside.astype(bool).sum()),
            intervals=w.count(len(inside)),
        )
    figure = _figure(view, table, title) if part != ALL else None
    note = w("reproduction.simulated") if view.simulated else ""
    return Panel(f"reproduction-{part}", title, reading, table, columns, figure, note)


def _figure(view: View, table: pd.DataFrame, title: str) -> go.Figure | None:
    """Draw the values of one unit that we have, published ones hollow; counts are only listed."""
    rows = table[(table["unit"] != "count") & table["ours"].notna()]
    if rows.empty:
        return None
    unit = str(rows["unit"].iloc[0])
    rows = rows[rows["unit"] == unit]
    names = [c if isinstance(c, str) and c else q for c, q in zip(rows["contrast"], rows["quantity"], strict=True)]
    rows = rows.assign(row_label=[f"{n}, {d}" if d else n for n, d in zip(names, rows["dimension_label"], strict=True)])
    return forest_figure(
        rows, title=title, x=view.words(f"reproduction.units.{unit}"), label="row_label", estimate="ours",
        published="published", digits=DIGITS.get(unit, 3),
    )  # fmt: skip
