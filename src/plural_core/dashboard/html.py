"""HTML of tables, terms and facts: every text is escaped, so that nothing from data becomes markup."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from html import escape

import pandas as pd

from plural_core.dashboard.panel import Column, Panel
from plural_core.dashboard.words import NOTHING, Words

MOST_ROWS = 200


def cell(row: Mapping[Hashable, object], column: Column, words: Words) -> str:
    """Return one cell as plain text, in the language's own way."""
    value = row[column.name]
    if column.high:
        low, high = (_written(row[name], column, words) for name in (column.name, column.high))
        return words.span(low, high)
    return _written(value, column, words)


def _written(value: object, column: Column, words: Words) -> str:
    missing = value is None or value is pd.NA or (isinstance(value, float) and value != value)
    match column.kind:
        case "count":
            return words.count(value)
        case "number":
            return words.number(value, column.digits)
        case "signed":
            return words.signed(value, column.digits)
        case "percent":
            return words.percent(value, column.digits)
        case "change":
            return words.change(value, column.digits)
        case "p":
            return words.p(value)
        case "note":
            return words.note(value)
        case "yes":
            return NOTHING if missing else words("format.yes" if bool(value) else "format.no")
        case _:
            return NOTHING if missing else str(value)


def table_html(panel: Panel, words: Words, most: int = MOST_ROWS) -> str:
    """Return a panel's table as HTML with a caption, headings with definitions, and numbers at the right."""
    columns = [c for c in panel.columns if c.kind != "note" or _noted(panel.table[c.name].head(most))]
    head = "".join(
        f'<th scope="col"{_side(c)}>{term_html(c.label, c.term, words) if c.term else escape(c.label)}</th>'
        for c in columns
    )
    shown = panel.table.head(most)
    records = shown[list(dict.fromkeys(n for c in columns for n in (c.name, c.high) if n))].to_dict("records")
    body = "".join(
        "<tr>"
        + "".join(
            f"<{tag}{_side(c)}>{escape(cell(row, c, words))}</{tag[:2]}>"
            for tag, c in zip(['th scope="row"', *["td"] * (len(columns) - 1)], columns, strict=True)
        )
        + "</tr>"
        for row in records
    )
    more = ""
    if len(panel.table) > most:
        text = words("table.more", shown=words.count(most), all=words.count(len(panel.table)))
        more = f'<p class="plural-more">{escape(text)}</p>'
    return (
        f'<div class="plural-scroll" tabindex="0" role="region" aria-label="{escape(panel.title, quote=True)}">'
        f'<table class="plural-table"><caption>{escape(panel.title)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}"
    )


def _noted(notes: pd.Series) -> bool:
    """Return whether any row has a note."""
    return bool((notes.fillna("").astype(str).str.strip() != "").any())


def _side(column: Column) -> str:
    css = "number" if column.numeric else column.kind if column.kind in ("note", "time") else ""
    return f' class="{css}"' if css else ""


def term_html(label: str, term: str, words: Words) -> str:
    """Return a term whose definition shows on hover and on keyboard focus."""
    tip = escape(words.term(term), quote=True)
    return f'<span class="plural-term" tabindex="0" data-tip="{tip}">{escape(label)}</span>'


def glossary_html(terms: Iterable[str], words: Words) -> str:
    """Return the definitions of terms as a list: for touch screens, where nothing hovers, and for print."""
    rows = "".join(
        f"<dt>{escape(words(f'names.{name}'))}</dt><dd>{escape(words.term(name))}</dd>" for name in dict.fromkeys(terms)
    )
    return f'<dl class="plural-glossary">{rows}</dl>'


def facts_html(facts: Iterable[tuple[str, str]]) -> str:
    """Return a few key figures: pairs of what and how many."""
    cells = "".join(f"<div><dt>{escape(what)}</dt><dd>{escape(number)}</dd></div>" for what, number in facts)
    return f'<dl class="plural-facts">{cells}</dl>'


def paragraph(text: str, kind: str = "", language: str = "") -> str:
    """Return a paragraph of plain text."""
    css = f' class="plural-{kind}"' if kind else ""
    lang = f' lang="{language}"' if language else ""
    return f"<p{css}{lang}>{escape(text)}</p>"
