"""Tables and texts as HTML: nothing from data becomes markup."""

from __future__ import annotations

from html.parser import HTMLParser

import pandas as pd

from plural_core.dashboard import html
from plural_core.dashboard.panel import Column, Panel
from plural_core.dashboard.words import Words

HOSTILE = "<script>alert(1)</script> & \"quotes\" '*bold*'"


class Seen(HTMLParser):
    """Tags, and texts in table cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.inside = tag in ("td", "th") or (self.inside and tag == "span")
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.cells[-1] += data


def seen(text: str) -> Seen:
    parser = Seen()
    parser.feed(text)
    return parser


def panel(table: pd.DataFrame, *columns: Column) -> Panel:
    return Panel("id", HOSTILE, "reading", table, columns)


def test_texts_are_escaped_everywhere() -> None:
    table = pd.DataFrame({"name": [HOSTILE], "n": [1234]})
    found = seen(html.table_html(panel(table, Column("name", HOSTILE), Column("n", "n", "count")), Words("en")))
    assert "script" not in found.tags
    assert found.cells == [HOSTILE, "n", HOSTILE, "1,234"]
    assert "script" not in seen(html.paragraph(HOSTILE)).tags
    assert "script" not in seen(html.facts_html([(HOSTILE, HOSTILE)])).tags


def test_intervals_numbers_and_what_is_missing() -> None:
    table = pd.DataFrame(
        {"a": ["x", None], "low": [-0.1, None], "high": [0.2, None], "p": [0.0001, None], "yes": [True, None]}
    )
    columns = (
        Column("a", "a"),
        Column("low", "interval", "signed", 1, high="high"),
        Column("p", "p", "p"),
        Column("yes", "yes", "yes"),
    )
    cells = seen(html.table_html(panel(table, *columns), Words("de"))).cells
    assert cells == ["a", "interval", "p", "yes", "x", "−0,1 bis +0,2", "< 0,001", "ja", "–", "–", "–", "–"]


def test_a_table_says_what_it_is_and_can_be_reached_by_keyboard() -> None:
    text = html.table_html(panel(pd.DataFrame({"a": ["x"]}), Column("a", "A", term="alpha")), Words("en"))
    assert '<th scope="col">' in text
    assert '<th scope="row">' in text
    assert "<caption>" in text
    assert 'tabindex="0" role="region" aria-label=' in text
    assert f'data-tip="{Words("en").term("alpha").replace(chr(39), "&#x27;")}"' in text


def test_long_tables_say_that_they_are_cut() -> None:
    text = html.table_html(panel(pd.DataFrame({"a": range(500)}), Column("a", "A", "count")), Words("en"))
    assert len(seen(text).cells) == 201
    assert "The first 200 of 500 rows" in text
