"""The dashboard in a real browser: every page at two widths and in German, every filter, numbers, files, uploads.

Set ``PLURAL_SCREENSHOTS`` to a folder to keep the pictures that the tests take.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from plural_core.dashboard.upload.example import example_csv
from plural_core.dashboard.words import Words, texts
from plural_core.io import read_table
from plural_core.study import Study
from tests.dashboard.screens import WIDTHS, sound, unfolded
from tests.dashboard.test_pages import PAGES

if TYPE_CHECKING:
    from tests.dashboard.browsing import Watched

AROUND = ("pages.", "app.", "table.", "filters.", "columns.", "intros.", "states.")
FIXED = [k for k, v in texts("en").items() if k.startswith(AROUND) and "{" not in v]
"""Words around the results, which stay English only in the English interface."""


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_at_two_widths(width: int, visit: Callable[..., Watched], picture: Callable[..., Path]) -> None:
    """One visitor turns all pages by the menu: no error, nothing wider than the screen, the mark everywhere."""
    visitor = visit("?study=tiny", width)
    for name in PAGES:
        if name != "overview":
            if width < 700:
                visitor.page.get_by_test_id("stExpandSidebarButton").click()
            visitor.page.get_by_role("link", name=texts("en")[f"pages.{name}"], exact=True).click()
            visitor.page.wait_for_url(re.compile(f"/{name}"))
            visitor.settle()
            visitor.page.get_by_role("heading", level=1, name=texts("en")[f"pages.{name}"]).wait_for()
            visitor.settle()
        sound(visitor)
        assert picture(visitor, f"{name}_{width}").stat().st_size > 10_000
        too_wide = visitor.page.evaluate(
            "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth }"
        )
        assert too_wide <= 1, name
        if name != "yours":
            assert "Simulated data" in visitor.text
            charts = visitor.page.locator(".js-plotly-plot")
            for number in range(charts.count()):
                assert "Simulated data" in charts.nth(number).inner_text()


def test_every_filter_changes_the_page_and_the_address(visit: Callable[..., Watched]) -> None:
    changed = 0
    for name in [p for p in PAGES if p not in ("overview", "yours")]:
        visitor = visit(f"{name}?study=tiny")
        page = visitor.page
        keys = page.evaluate(
            "() => [...document.querySelectorAll('[class*=st-key-filter_]')].map("
            "(e) => [...e.classList].find((c) => c.startsWith('st-key-filter_')))"
        )
        for key in dict.fromkeys(keys):
            holder = page.locator(f".{key}")
            if not holder.count():
                continue
            before = page.url
            buttons = holder.get_by_role("radio")
            if holder.locator("input[type=checkbox]").count():
                holder.locator("label").first.click()
            elif holder.get_by_role("button", name=re.compile("remove|delete", re.I)).count():  # one of several chosen
                holder.get_by_role("button", name=re.compile("remove|delete", re.I)).first.click()
            elif holder.get_by_role("combobox").count():
                options = unfolded(visitor, key)
                if options.count() < 2:
                    page.keyboard.press("Escape")
                    continue
                page.locator("[role=option]:not([aria-selected=true])").first.click()
            elif buttons.count() > 1:
                holder.locator("[role=radio]:not([aria-checked=true])").first.click()
            else:
                continue
            page.wait_for_function("(before) => location.href !== before", arg=before, timeout=20_000)
            visitor.settle()
            sound(visitor)
            changed += 1
    assert changed >= 20


def test_back_undoes_a_choice_and_a_link_shows_the_same_view(visit: Callable[..., Watched]) -> None:
    visitor = visit("effects?study=tiny&factor=gender")
    page = visitor.page
    page.locator(".st-key-filter_scale").get_by_text("Odds ratio").click()
    page.wait_for_url(re.compile("scale=odds"))
    visitor.settle()
    assert "odds ratio of a higher rating" in visitor.text
    other = visit(page.url.split("/", 3)[3])
    assert "odds ratio of a higher rating" in other.text
    page.go_back()
    page.wait_for_function("() => !location.href.includes('scale=odds')")
    visitor.settle()
    assert "percent change in the odds" in visitor.text
    page.go_forward()
    page.wait_for_url(re.compile("scale=odds"))
    visitor.settle()
    assert "odds ratio of a higher rating" in visitor.text


def test_numbers_on_the_screen_are_those_of_the_table(visit: Callable[..., Watched], tiny: Study) -> None:
    w = Words("en")
    visitor = visit("disagreement?study=tiny")
    panel = visitor.page.locator(".st-key-panel-disagreement-rates")
    panel.get_by_text("Table", exact=True).click()
    table = read_table(tiny.table("disagreement"))
    wanted = table[table["factor"] == "all"].set_index("dimension")
    labels = {d.label: name for name, d in tiny.config.dimensions.items()} | {"mean over dimensions": "overall"}
    rows = panel.locator("tbody tr")
    rows.first.wait_for()
    assert rows.count() == len(wanted)
    for number in range(rows.count()):
        cells = rows.nth(number).locator("th, td").all_inner_texts()
        row = wanted.loc[labels[cells[0]]]
        assert cells[1] == w.percent(row["rate"])
        assert cells[2] == w.span(w.percent(row["ci_low"]), w.percent(row["ci_high"]))
        assert cells[4] == w.count(row["n_items"])
    # The markers of the chart stand where the table says.
    x = panel.locator(".js-plotly-plot").evaluate("(e) => Array.from(e._fullData[0].x)")
    assert sorted(x) == pytest.approx(sorted(wanted["rate"]))


def test_downloads_hold_the_table_and_the_mark(visit: Callable[..., Watched], tiny: Study) -> None:
    visitor = visit("disagreement?study=tiny")
    panel = visitor.page.locator(".st-key-panel-disagreement-rates")
    found = {}
    for label in ("CSV", "SVG", "PNG"):
        with visitor.page.expect_download(timeout=90_000) as waiting:
            panel.get_by_role("button", name=label).click()
        found[label] = waiting.value
        assert waiting.value.suggested_filename == f"tiny_disagreement-rates_simulated.{label.lower()}"
    table = pd.read_csv(io.BytesIO(Path(found["CSV"].path()).read_bytes()))
    wanted = read_table(tiny.table("disagreement"))
    assert sorted(table["rate"]) == pytest.approx(sorted(wanted.loc[wanted["factor"] == "all", "rate"]))
    assert set(table["data_origin"]) == {"simulated data"}
    assert "Simulated data" in Path(found["SVG"].path()).read_text(encoding="utf-8")
    assert Path(found["PNG"].path()).read_bytes().startswith(b"\x89PNG")


def test_every_page_in_german(visit: Callable[..., Watched], picture: Callable[..., Path]) -> None:
    english, german = texts("en"), texts("de")
    visitor = visit("?study=tiny&lang=de")
    visitor.page.wait_for_function("() => document.documentElement.lang === 'de'")
    for name in PAGES:
        if name != "overview":
            visitor.page.get_by_role("link", name=german[f"pages.{name}"], exact=True).click()
            visitor.page.wait_for_url(re.compile(f"/{name}"))
            visitor.page.get_by_role("heading", level=1, name=german[f"pages.{name}"]).wait_for()
            visitor.settle()
        sound(visitor)
        lines = {line.strip() for line in visitor.page.locator("body").inner_text().splitlines()}
        left = {english[k] for k in FIXED if english[k] != german[k]} & lines
        assert not left, name
        if name == "runs":  # a time stays on its line
            times = visitor.page.locator("td.time").all()
            assert times and all(t.bounding_box()["height"] < 50 for t in times)
        if name == "disagreement":
            assert "Wie oft Menschen uneins sind" in visitor.text
            assert re.search(r"\d,\d\u00a0%", visitor.text)
        picture(visitor, f"{name}_de")


def test_two_studies_side_by_side(visit: Callable[..., Watched], picture: Callable[..., Path]) -> None:
    for width in WIDTHS:
        visitor = visit("disagreement?study=tiny&beside=own", width)
        sound(visitor)
        assert "A tiny simulated study" in visitor.text
        assert "Own *study* <script>alert(1)</script>" in visitor.text
        picture(visitor, f"beside_{width}")
        boxes = [e.bounding_box() for e in visitor.page.locator(".plural-study").all()]
        assert len(boxes) == 2
        assert (abs(boxes[0]["y"] - boxes[1]["y"]) < 5) == (width > 700)


BAD = {
    "cells.csv": (b"a,b\n1,2\n1,2,3\n", "row 3: 3 columns where the header has 2"),
    "sheet.csv": (b"PK\x03\x04 zip", "spreadsheet or zip"),
    "object.parquet": (b"\x80\x04K\x01.", "pickle"),
    "cut.parquet": (b"PAR1 cut off", "damaged Parquet"),
    "latin.csv": ("a,b\n1,ä\n".encode("latin-1"), "not utf-8 text"),
    "empty.csv": (b"", "empty"),
    "big.csv": (b"x" * (26 * 2**20), "must be 25"),
    "notes.pdf": (b"%PDF-1.7", "not allowed"),
}


def test_bad_uploads_get_their_message_and_a_good_one_its_results(
    visit: Callable[..., Watched], picture: Callable[..., Path]
) -> None:
    visitor = visit("yours")
    page = visitor.page
    for name, (content, words) in BAD.items():
        page.set_input_files("input[type=file]", [{"name": name, "mimeType": "text/csv", "buffer": content}])
        page.locator("[data-testid=stMain]").get_by_text(re.compile(re.escape(words))).first.wait_for(timeout=30_000)
        visitor.settle()
        sound(visitor)
    page.set_input_files("input[type=file]", [{"name": "mine.csv", "mimeType": "text/csv", "buffer": example_csv()}])
    page.get_by_text("What do the columns hold?").wait_for()
    visitor.settle()
    page.get_by_role("button", name="Check and analyse").click()
    page.get_by_role("heading", name="Who rates differently").wait_for(timeout=120_000)
    visitor.settle()
    sound(visitor)
    assert "1,200 ratings by 120 people of 192 answers." in visitor.text
    picture(visitor, "yours_done")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the config").click()
    assert "adapter: table" in Path(waiting.value.path()).read_text(encoding="utf-8")
    # Another visitor sees nothing of it.
    other = visit("yours")
    assert "mine.csv" not in other.text


def test_several_visitors_at_once(browser, address: str) -> None:  # type: ignore[no-untyped-def]
    """A short version of benchmarks/dashboard.py: four visitors change filters at the same time, without an error."""
    from tests.dashboard.browsing import Watched

    contexts = [browser.new_context(viewport={"width": 1280, "height": 900}) for _ in range(4)]
    visitors = [Watched(context, address) for context in contexts]
    for visitor in visitors:
        visitor.page.goto(f"{address}/effects?study=tiny")
    for _ in range(2):
        for number, visitor in enumerate(visitors):
            visitor.settle()
            unfolded(visitor, "st-key-filter_dimension").nth(1 + number % 3).click()
    for visitor in visitors:
        visitor.settle()
        sound(visitor)
    complaints = [c for v in visitors for c in v.complaints]
    for context in contexts:
        context.close()
    assert not complaints
