"""Page 2: who rated, how much, and what happened to the data on the way."""

from __future__ import annotations

from collections.abc import Sequence

from plural_core.dashboard import store
from plural_core.dashboard.panel import Column, Panel
from plural_core.dashboard.views.context import View
from plural_core.errors import PrivacyError
from plural_core.figures import coverage_figure, group_share_figure, scale_use_figure
from plural_core.ratings.groups import group_shares, shown_ingest


def groups(view: View, factors: Sequence[str]) -> Panel:
    """Return the participants in each group of some factors."""
    w = view.words
    shares = group_shares(view.protected)
    table = view.labelled(shares[shares["factor"].isin(list(factors))].reset_index(drop=True))
    title = w("raters.groups.title")
    columns = (
        Column("factor_label", w("columns.factor"), term="factor"),
        Column("level", w("columns.group")),
        Column("n", w("columns.n_participants"), "count", term="participant"),
        Column("share", w("columns.share"), "percent", 1),
    )
    if table.empty:
        reading = w("raters.groups.nothing")
    else:
        top, least = table.loc[table["n"].idxmax()], table.loc[table["n"].idxmin()]
        reading = w(
            "raters.groups.reading",
            top=top["level"],
            top_share=w.percent(top["share"], 0),
            least=least["level"],
            least_n=w.count(least["n"]),
        )
    figure = group_share_figure(table.assign(factor=table["factor_label"]), title)
    privacy = view.study.config.privacy
    note = w("privacy.rule", last=view.protected.k - 1) if privacy.enabled else w("privacy.no_rule")
    return Panel("groups", title, reading, table.drop(columns="level_label"), columns, figure, note)


def merges(view: View) -> Panel:
    """Return what each level of the data is shown as, where the two differ."""
    w = view.words
    table = view.labelled(view.protected.merges)
    table = table[table["level"] != table["shown_as"]].reset_index(drop=True)
    hidden = table["shown_as"] == "not shown"
    table["shown_label"] = table["shown_as"].where(~hidden, w("raters.merges.not_shown"))
    columns = (
        Column("factor_label", w("columns.factor")),
        Column("level", w("columns.level_in_data")),
        Column("shown_label", w("columns.shown_as"), term="merged"),
        Column("n_participants", w("columns.n_participants"), "count", term="participant"),
    )
    key = "raters.merges.reading" if len(table) else "raters.merges.nothing"
    reading = w(key, n=w.count(len(table))) if len(table) else w(key)
    return Panel("merged-groups", w("raters.merges.title"), reading, table.drop(columns="level_label"), columns)


def coverage(view: View) -> Panel:
    """Return how often items were rated."""
    w = view.words
    table = view.labelled(view.table("coverage"))
    title = w("raters.coverage.title")
    columns = (
        Column("dimension_label", w("columns.dimension")),
        Column("n_ratings", w("columns.ratings_each"), "count"),
        Column("n_items", w("columns.n_items"), "count", term="item"),
        Column("share", w("columns.share"), "percent", 1),
    )
    rated = table[table["n_ratings"] > 0]
    if rated.empty:
        reading = w("raters.coverage.nothing")
    else:
        sums = (rated["n_ratings"] * rated["n_items"]).groupby(rated["dimension"]).sum()
        means = sums / rated.groupby("dimension")["n_items"].sum()
        single = rated[rated["n_ratings"] == 1].groupby("dimension")["n_items"].sum()
        alone = int(single.max()) if len(single) else 0
        mean = w.number(means.mean(), 1)
        reading = (
            w("raters.coverage.reading", mean=mean, single=w.count(alone))
            if alone
            else w("raters.coverage.reading_none", mean=mean)
        )
    figure = coverage_figure(table.assign(dimension=table["dimension_label"]), title)
    figure.update_layout(xaxis_title=w("figures.ratings_of_item"), yaxis_title=w("figures.items"))
    return Panel("coverage", title, reading, table, columns, figure)


def scale_use(view: View) -> Panel:
    """Return how often each level of each scale was used."""
    w = view.words
    table = view.table("scale_use")
    table = view.labelled(table.rename(columns={"level": "step"})).sort_values(["dimension", "step"], kind="stable")
    table = view.in_order(table)
    title = w("raters.scale_use.title")
    columns = (
        Column("dimension_label", w("columns.dimension")),
        Column("level_label", w("columns.answer_level")),
        Column("n_ratings", w("columns.n_ratings"), "count"),
        Column("share", w("columns.share"), "percent", 1),
    )
    known = table[table["share"].notna()]
    if known.empty:
        reading, figure = w("raters.scale_use.nothing"), None
    else:
        top = known.loc[known["share"].idxmax()]
        reading = w(
            "raters.scale_use.reading",
            level=top["level_label"],
            dimension=top["dimension_label"],
            share=w.percent(top["share"], 0),
        )
        figure = scale_use_figure(known.assign(dimension=known["dimension_label"], level=known["step"]), title)
    return Panel("scale-use", title, reading, table, columns, figure)


def quality(view: View) -> Panel:
    """Return everything that the quality report counts.

    Raises
    ------
    PrivacyError
        It was made under another suppression than the config asks for now.
    """
    w = view.words
    if not view.current:
        raise PrivacyError(w("privacy.stale"))
    table = store.read(view.study, "quality")
    table["subject_label"] = [
        w("common.all") if s == "all" else view.dimensions.get(s, view.factor_labels.get(s, s))
        for s in table["subject"]
    ]
    table["shown_label"] = [w.localised(str(s)) for s in table["shown"]]
    columns = (
        Column("section", w("columns.section")),
        Column("measure", w("columns.measure")),
        Column("subject_label", w("columns.about")),
        Column("shown_label", w("columns.number")),
        Column("note", w("columns.note"), "note"),
    )
    kept = table[
        ["section", "measure", "subject", "subject_label", "value", "of", "share", "shown", "shown_label", "note"]
    ]
    return Panel("quality", w("raters.quality.title"), w("raters.quality.reading"), kept, columns)


def ingest(view: View) -> Panel:
    """Return what the adapter dropped, recoded and merged; few people only as "fewer than k"."""
    w = view.words
    table = shown_ingest(view.table("ingest", order="order"), view.protected.k)
    table["action_label"] = [w.named(f"raters.actions.{a}", a) for a in table["action"]]
    table["count_label"] = [w.localised(c) for c in table["count"]]
    columns = (
        Column("action_label", w("columns.action")),
        Column("count_label", w("columns.how_many")),
        Column("what", w("columns.what")),
        Column("note", w("columns.note"), "note"),
    )
    changed = int(table["action"].isin(["dropped", "recoded", "merged", "resolved"]).sum())
    key = "raters.ingest.reading" if changed else "raters.ingest.nothing"
    reading = w(key, n=w.count(changed)) if changed else w(key)
    return Panel("ingest", w("raters.ingest.title"), reading, table, columns)
