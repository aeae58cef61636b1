"""Page 3: how much people disagree, by dimension, by group, between two groups, and on which topics."""

from __future__ import annotations

import pandas as pd

from plural_core.dashboard import store
from plural_core.dashboard.panel import Column, Panel
from plural_core.dashboard.views.context import View
from plural_core.figures import alpha_figure, cooccurrence_figure, disagreement_figure, group_disagreement_figure
from plural_core.figures.forest import forest_figure
from plural_core.figures.intervals import interval_figure

MEASURES = ("rate", "alpha")
EXAMPLES = 5


def rates(view: View) -> Panel:
    """Return how often raters disagree on each dimension, beside what chance would give."""
    w = view.words
    table = view.labelled(view.table("disagreement", {"factor": "all"}))
    title = w("disagreement.rates.title")
    columns = (
        Column("dimension_label", w("columns.dimension")),
        Column("rate", w("columns.rate"), "percent", 1, "disagreement_rate"),
        Column("ci_low", w("columns.interval", level=view.level), "percent", 1, "interval", high="ci_high"),
        Column("expected", w("columns.expected"), "percent", 1, "expected_rate"),
        Column("n_items", w("columns.n_items"), "count", term="item"),
        Column("n_ratings", w("columns.n_ratings"), "count"),
        Column("note", w("columns.note"), "note"),
    )
    single = table[(table["dimension"] != "overall") & table["rate"].notna()]
    overall = table[table["dimension"] == "overall"]
    if single.empty:
        reading = w("disagreement.rates.nothing")
    else:
        mean = float(overall["rate"].iloc[0]) if len(overall) else float(single["rate"].mean())
        chance = float(overall["expected"].iloc[0]) if len(overall) else float(single["expected"].mean())
        low, high = single.loc[single["rate"].idxmin()], single.loc[single["rate"].idxmax()]
        reading = w(
            "disagreement.rates.reading" if len(single) > 1 else "disagreement.rates.reading_one",
            rate=w.percent(mean),
            expected=w.percent(chance),
            low=low["dimension_label"],
            low_rate=w.percent(low["rate"]),
            high=high["dimension_label"],
            high_rate=w.percent(high["rate"]),
        )
    labels = {**view.dimensions, "overall": w("common.overall")}
    figure = disagreement_figure(table, labels, title)
    note = view.withheld_note(table)
    return Panel("disagreement-rates", title, reading, _plain(table), columns, figure, note)


def by_group(view: View, dimension: str, measure: str = "rate") -> Panel:
    """Return one measure of disagreement on one dimension for each group of each factor."""
    w = view.words
    label = view.dimension_label(dimension)
    name = "disagreement" if measure == "rate" else "alpha"
    where: dict[str, object] = {"dimension": dimension}
    if measure == "alpha":
        where["metric"] = "ordinal"
    table = view.labelled(view.table(name, where))
    title = w(f"disagreement.by_group.title_{measure}", dimension=label)
    kind = "percent" if measure == "rate" else "number"
    digits = 1 if measure == "rate" else 2
    columns = (
        Column("factor_label", w("columns.factor")),
        Column("level_label", w("columns.group")),
        Column(measure, w(f"columns.{measure}"), kind, digits, "disagreement_rate" if measure == "rate" else "alpha"),
        Column("ci_low", w("columns.interval", level=view.level), kind, digits, "interval", high="ci_high"),
        Column("n_participants", w("columns.n_participants"), "count", term="participant"),
        Column("n_items", w("columns.n_items"), "count", term="item"),
        Column("n_ratings", w("columns.n_ratings"), "count"),
        Column("note", w("columns.note"), "note"),
    )
    groups = table[(table["factor"] != "all") & table[measure].notna()]
    everybody = table[table["factor"] == "all"]
    if groups.empty or everybody.empty:
        reading = w("disagreement.by_group.nothing", dimension=label)
    else:
        write = w.percent if measure == "rate" else w.number
        low, high = groups.loc[groups[measure].idxmin()], groups.loc[groups[measure].idxmax()]
        reading = w(
            f"disagreement.by_group.reading_{measure}",
            dimension=label,
            all=write(everybody[measure].iloc[0]),
            low_group=low["level_label"],
            low=write(low[measure]),
            high_group=high["level_label"],
            high=write(high[measure]),
        )
    shown = table.assign(factor=[f if f == "all" else view.factor_label(f) for f in table["factor"]])
    figure = group_disagreement_figure(
        shown, view.dimensions, dimension=dimension, estimate=measure,
        x=w(f"disagreement.by_group.axis_{measure}"), percent=measure == "rate",
    )  # fmt: skip
    figure.update_layout(title_text=title, xaxis_title=w(f"disagreement.by_group.axis_{measure}"))
    note = " ".join(filter(None, [w(f"disagreement.by_group.note_{measure}"), view.withheld_note(table)]))
    return Panel(f"disagreement-by-group-{measure}-{dimension}", title, reading, _plain(table), columns, figure, note)


def alpha(view: View) -> Panel:
    """Return Krippendorff's alpha of each dimension."""
    w = view.words
    table = view.labelled(view.table("alpha", {"factor": "all", "metric": "ordinal"}))
    title = w("disagreement.alpha.title")
    columns = (
        Column("dimension_label", w("columns.dimension")),
        Column("alpha", w("columns.alpha"), "number", 2, "alpha"),
        Column("ci_low", w("columns.interval", level=view.level), "number", 2, "interval", high="ci_high"),
        Column("n_items", w("columns.n_items"), "count", term="item"),
        Column("n_ratings", w("columns.n_ratings"), "count"),
        Column("note", w("columns.note"), "note"),
    )
    known = table[table["alpha"].notna()]
    if known.empty:
        reading = w("disagreement.alpha.nothing")
    else:
        low, high = known.loc[known["alpha"].idxmin()], known.loc[known["alpha"].idxmax()]
        reading = w(
            "disagreement.alpha.reading",
            low=w.number(low["alpha"]),
            low_dimension=low["dimension_label"],
            high=w.number(high["alpha"]),
            high_dimension=high["dimension_label"],
        )
    figure = alpha_figure(table, view.dimensions, title)
    return Panel("alpha", title, reading, _plain(table), columns, figure, view.withheld_note(table))


def comparable(view: View) -> list[str]:
    """Return the factors of which at least two groups rated the same answers, in the config's order."""
    ranks = view.table("rank_agreement")
    known = set(ranks.loc[ranks["difference"].notna(), "factor"])
    return [factor for factor in view.factors if factor in known]


def between(view: View, factor: str, a: str, b: str) -> Panel:
    """Return what sets two groups apart on each dimension: mean difference, order of items, share explained."""
    w = view.words
    ranks, flipped = _pair(view, "rank_agreement", factor, a, b)
    split, _ = _pair(view, "between_groups", factor, a, b)
    sign = -1.0 if flipped else 1.0
    table = ranks.assign(
        level_a=a,
        level_b=b,
        difference=sign * ranks["difference"],
        difference_low=sign * ranks["difference_high" if flipped else "difference_low"],
        difference_high=sign * ranks["difference_low" if flipped else "difference_high"],
    )
    keep = split[["dimension", "between", "within", "share", "ci_low", "ci_high", "n_pairs", "note"]]
    keep = keep.rename(columns={"ci_low": "share_low", "ci_high": "share_high", "note": "share_note"})
    table = view.labelled(table.merge(keep, on="dimension", how="left"))
    title = w("disagreement.between.title", a=a, b=b)
    columns = (
        Column("dimension_label", w("columns.dimension")),
        Column("difference", w("columns.difference"), "signed", 2, "mean_difference"),
        Column(
            "difference_low", w("columns.interval", level=view.level), "signed", 2, "interval", high="difference_high"
        ),
        Column("spearman", w("columns.spearman"), "number", 2, "spearman"),
        Column("share", w("columns.share_explained"), "percent", 1, "share_explained"),
        Column("n_items", w("columns.common_items"), "count", term="item"),
        Column("note", w("columns.note"), "note"),
    )
    known = table[table["difference"].notna()]
    if known.empty:
        why = next((w.note(n) for n in table["note"] if n), w("common.unknown"))
        reading = w("disagreement.between.nothing", a=a, b=b, why=why)
        figure = None
    else:
        apart = known[(known["difference_low"] > 0) | (known["difference_high"] < 0)]
        top = known.loc[known["difference"].abs().idxmax()]
        reading = w(
            "disagreement.between.reading",
            a=a,
            b=b,
            dimension=top["dimension_label"],
            difference=w.number(abs(top["difference"])),
            direction=w("common.higher" if top["difference"] > 0 else "common.lower"),
            low=w.signed(top["difference_low"]),
            high=w.signed(top["difference_high"]),
            n=w.count(len(apart)),
            of=w.count(len(known)),
        )
        figure = interval_figure(
            known, label="dimension_label", estimate="difference", low="difference_low", high="difference_high",
            n="n_items", title=title, x=w("disagreement.between.axis", a=a, b=b), null=0.0,
        )  # fmt: skip
    return Panel("between-groups", title, reading, _plain(table), columns, figure, view.withheld_note(ranks, split))


def topics(view: View, dimension: str, factor: str, a: str, b: str) -> Panel:
    """Return the prompt topics on which two groups' mean ratings of a dimension differ most."""
    w = view.words
    found, flipped = _pair(view, "topic_differences", factor, a, b, {"dimension": dimension})
    sign = -1.0 if flipped else 1.0
    low, high = ("ci_high", "ci_low") if flipped else ("ci_low", "ci_high")
    table = found.assign(
        level_a=a,
        level_b=b,
        difference=sign * found["difference"],
        ci_low=sign * found[low],
        ci_high=sign * found[high],
        n_ratings_a=found["n_ratings_b" if flipped else "n_ratings_a"],
        n_ratings_b=found["n_ratings_a" if flipped else "n_ratings_b"],
    ).sort_values("rank", kind="stable", ignore_index=True)
    label = view.dimension_label(dimension)
    title = w("disagreement.topics.title", a=a, b=b, dimension=label)
    columns = (
        Column("label", w("columns.topic"), term="topic"),
        Column("language", w("columns.language")),
        Column("difference", w("columns.difference"), "signed", 2, "mean_difference"),
        Column("ci_low", w("columns.interval", level=view.level), "signed", 2, "interval", high="ci_high"),
        Column("n_ratings_a", w("columns.n_ratings_of", group=a), "count"),
        Column("n_ratings_b", w("columns.n_ratings_of", group=b), "count"),
    )
    if table.empty:
        reading, figure = w("disagreement.topics.nothing", a=a, b=b, k=view.protected.k), None
    else:
        top = table.iloc[0]
        reading = w(
            "disagreement.topics.reading",
            a=a,
            b=b,
            topic=top["label"],
            difference=w.number(abs(top["difference"])),
            direction=w("common.higher" if top["difference"] > 0 else "common.lower"),
            n=w.count(top["n_topics"]),
        )
        figure = forest_figure(
            table.assign(row_label=table["label"]), title=title, x=w("disagreement.topics.axis", a=a, b=b),
            label="row_label", estimate="difference", digits=2,
        )  # fmt: skip
    note = " ".join(filter(None, [w("disagreement.topics.note"), view.withheld_note(found)]))
    return Panel(f"topics-{dimension}", title, reading, table, columns, figure, note)


def examples(view: View, language: str, words: str) -> pd.DataFrame:
    """Return prompts that hold most of a topic's words, each with one response.

    Parameters
    ----------
    view : View
        The study.
    language : str
        Language of the topic.
    words : str
        The topic's label: its heaviest words, separated by commas.

    Returns
    -------
    DataFrame
        prompt, response: texts as they were rated, at most `EXAMPLES` different prompts.
    """
    wanted = [word.strip().lower() for word in words.split(",") if word.strip()]
    if not wanted:
        return pd.DataFrame({"prompt": [], "response": []})
    text = "lower(coalesce(prompt, response, ''))"
    score = " + ".join(f"CAST(contains({text}, ?) AS INTEGER)" for _ in wanted)
    query = (
        f"SELECT any_value(prompt) AS prompt, any_value(response) AS response, max({score}) AS score "
        "FROM read_parquet(?) WHERE coalesce(language, 'unknown') = ? GROUP BY prompt_id "
        f"HAVING max({score}) > 0 ORDER BY score DESC, prompt_id LIMIT {EXAMPLES}"
    )
    values = [*wanted, str(view.study.table("items")), language, *wanted]
    return store.run(view.study, "items", query, values)[["prompt", "response"]]


def cooccurrence(view: View) -> Panel:
    """Return how often ratings agree with one dimension given that they agree with another."""
    w = view.words
    table = view.labelled(view.table("cooccurrence"))
    title = w("disagreement.cooccurrence.title")
    columns = (
        Column("row_label", w("columns.given"), term="agree"),
        Column("column_label", w("columns.also")),
        Column("probability", w("columns.probability"), "percent", 1, "cooccurrence"),
        Column("ci_low", w("columns.interval", level=view.level), "percent", 1, "interval", high="ci_high"),
        Column("n_both", w("columns.n_both"), "count"),
        Column("n_row", w("columns.n_row"), "count"),
        Column("note", w("columns.note"), "note"),
    )
    pairs = table[(table["row"] != table["column"]) & table["probability"].notna()]
    if pairs.empty:
        reading = w("disagreement.cooccurrence.nothing")
    else:
        high, low = pairs.loc[pairs["probability"].idxmax()], pairs.loc[pairs["probability"].idxmin()]
        reading = w(
            "disagreement.cooccurrence.reading",
            high=w.percent(high["probability"], 0),
            high_row=high["row_label"],
            high_column=high["column_label"],
            low=w.percent(low["probability"], 0),
            low_row=low["row_label"],
            low_column=low["column_label"],
        )
    figure = cooccurrence_figure(table, view.dimensions, title)
    return Panel("cooccurrence", title, reading, _plain(table), columns, figure)


def _pair(
    view: View, name: str, factor: str, a: str, b: str, where: dict[str, object] | None = None
) -> tuple[pd.DataFrame, bool]:
    """Return a table's rows about two groups, and whether it holds them the other way round."""
    found = view.table(name, {"factor": factor, "level_a": a, "level_b": b, **(where or {})})
    if len(found) or a == b:
        return found, False
    other = view.table(name, {"factor": factor, "level_a": b, "level_b": a, **(where or {})})
    return other, bool(len(other))


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is exported and shown."""
    return table.reset_index(drop=True)
