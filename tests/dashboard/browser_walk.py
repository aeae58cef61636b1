"""The dashboard in a real browser: every page at two widths, every filter, uploads, keyboard, contrast, print.

Set ``PLURAL_SCREENSHOTS`` to a folder to keep the pictures that the tests take.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from plural_core.dashboard.upload.example import example_csv
from plural_core.dashboard.words import Words, texts
from plural_core.figures.export import browser_path
from plural_core.io import read_table
from plural_core.study import Study
from tests.dashboard.test_pages import PAGES

playwright = pytest.importorskip("playwright.sync_api")
from tests.dashboard.browsing import Watched, chromium, dashboard  # noqa: E402

ERROR = texts("en")["states.error"].split("{")[0].strip()
WIDTHS = (390, 1920)

FOCUSED = """() => {
  const e = document.activeElement;
  return (e.getAttribute('aria-label') || e.innerText || e.tagName).trim().slice(0, 40);
}"""
# Ratio of each text's colour to what lies behind it; the smallest that is too small, with its text.
CONTRAST = """
() => {
  const channel = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = (c) => { const m = c.match(/[\\d.]+/g).map(Number); return m.length === 3 ? [...m, 1] : m; };
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3]));
  const behind = (e) => {
    const layers = [];
    for (let n = e; n; n = n.parentElement) layers.push(parse(getComputedStyle(n).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const bad = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const box = e.getBoundingClientRect();
    if (!own || !box.width || !box.height || e.closest("svg, [disabled], [aria-disabled=true], #plural-tip")) continue;
    const style = getComputedStyle(e);
    if (style.visibility !== "visible" || Number(style.opacity) < 1) continue;
    if (/Material/.test(style.fontFamily)) continue;
    const under = behind(e);
    const [a, b] = [light(over(parse(style.color), under)), light(under)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) bad.push(`${ratio.toFixed(2)}: ${e.textContent.trim().slice(0, 50)}`);
  }
  return bad;
}
"""


@pytest.fixture(scope="module")
def browser(require_crosschecks: Callable[[str], None]) -> Iterator[object]:
    if browser_path() is None:
        require_crosschecks("no Chrome or Chromium was found")
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def address(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("log") / "dashboard.log"
    with dashboard(shelf, log=log) as started:
        yield started
    assert "Traceback" not in log.read_text(encoding="utf-8", errors="replace")


@pytest.fixture
def visit(browser, address: str) -> Iterator[Callable[..., Watched]]:  # type: ignore[no-untyped-def]
    """Open a page as a new visitor; at the end nobody may have complained."""
    visitors: list[Watched] = []
    contexts = []

    def open_(path: str, width: int = 1280, **options: object) -> Watched:
        context = browser.new_context(viewport={"width": width, "height": 900}, locale="en-US", **options)
        contexts.append(context)
        visitor = Watched(context, address)
        visitors.append(visitor)
        visitor.open(path)
        return visitor

    yield open_
    complaints = [c for v in visitors for c in v.complaints]
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[Watched, str], Path]:
    folder = Path(os.environ.get("PLURAL_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)

    def take(visitor: Watched, name: str) -> Path:
        path = folder / f"{name}.png"
        visitor.whole(path)
        return path

    return take


def unfolded(visitor: Watched, key: str):  # type: ignore[no-untyped-def]
    """Unfold a list by keyboard and return its options."""
    box = visitor.page.locator(f".{key}").get_by_role("combobox").first
    box.scroll_into_view_if_needed()
    visitor.page.wait_for_timeout(300)  # a list that unfolds while the page scrolls folds up again
    box.focus()
    visitor.page.keyboard.press("ArrowDown")
    options = visitor.page.get_by_role("option")
    options.first.wait_for()
    return options


def sound(visitor: Watched) -> None:
    text = visitor.text
    assert "Traceback" not in text
    assert ERROR not in text
    assert visitor.page.locator("[data-testid=stException]").count() == 0


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


def test_definitions_show_on_hover_and_on_focus_and_escape_hides_them(visit: Callable[..., Watched]) -> None:
    visitor = visit("effects?study=tiny")
    page = visitor.page
    panel = page.locator(".st-key-panel-effects-percent")
    panel.get_by_text("Table", exact=True).click()
    term = panel.locator(".plural-term", has_text="p, adjusted")
    term.hover()
    tip = page.locator("#plural-tip")
    assert "Holm" in tip.inner_text()
    page.mouse.move(5, 5)
    page.wait_for_function("() => document.getElementById('plural-tip').hidden")
    term.focus()
    page.wait_for_function("() => !document.getElementById('plural-tip').hidden")
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.getElementById('plural-tip').hidden")


def test_everything_can_be_reached_by_keyboard(visit: Callable[..., Watched]) -> None:
    visitor = visit("disagreement?study=tiny")
    page = visitor.page
    seen: set[str] = set()
    page.locator("body").press("Tab")
    for _ in range(140):
        seen.add(page.evaluate(FOCUSED))
        page.keyboard.press("Tab")
    joined = " | ".join(seen)
    for wanted in ("Demographic effects", "Link and citation", "Print view", "Table", "CSV", "Dimension"):
        assert wanted in joined, joined


def test_the_citation_is_copied(visit: Callable[..., Watched], address: str) -> None:
    visitor = visit("effects?study=tiny&dimension=sensitivity", permissions=["clipboard-read", "clipboard-write"])
    page = visitor.page
    page.get_by_role("button", name="Link and citation").click()
    for label, words in (("Copy citation", "arXiv:2511.14476"), ("Copy link", "dimension=sensitivity")):
        button = page.get_by_role("button", name=label)
        button.click()
        page.get_by_role("button", name="Copied").first.wait_for()
        assert words in page.evaluate("() => navigator.clipboard.readText()")
    link = page.evaluate("() => navigator.clipboard.readText()")
    assert link.startswith(f"{address}/effects?study=tiny")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough(scheme: str, visit: Callable[..., Watched], picture: Callable[..., Path]) -> None:
    for name in ("overview", "raters", "effects", "yours"):
        visitor = visit(f"{'' if name == 'overview' else name}?study=tiny", color_scheme=scheme)
        for opener in visitor.page.locator("details summary").all()[:2]:
            opener.click()
        visitor.page.wait_for_timeout(300)
        assert visitor.page.evaluate(CONTRAST) == []
        picture(visitor, f"{name}_{scheme}")


def test_german_in_the_browser(visit: Callable[..., Watched], picture: Callable[..., Path]) -> None:
    visitor = visit("disagreement?study=tiny&lang=de")
    assert visitor.page.evaluate("() => document.documentElement.lang") == "de"
    assert "Wie oft Menschen uneins sind" in visitor.text
    assert re.search(r"\d,\d\u00a0%", visitor.text)
    picture(visitor, "disagreement_de")


def test_print_view(visit: Callable[..., Watched], picture: Callable[..., Path], tmp_path: Path) -> None:
    visitor = visit("effects?study=tiny&view=print&dimension=sensitivity")
    page = visitor.page
    sound(visitor)
    assert not page.get_by_test_id("stSidebar").is_visible()
    assert page.locator("table").first.is_visible()
    assert "Printed from" in visitor.text
    picture(visitor, "effects_print")
    page.emulate_media(media="print")
    page.pdf(path=str(tmp_path / "print.pdf"), format="A4")
    assert (tmp_path / "print.pdf").stat().st_size > 20_000


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


def test_texts_of_strangers_do_not_run(visit: Callable[..., Watched]) -> None:
    visitor = visit("disagreement?study=own&factor=political")
    notebook = visit("runs?study=own&notebook=01_quality")
    for page in (visitor.page, notebook.page):
        assert page.evaluate("() => window.hacked") is None
        assert page.locator("[data-testid=stMain] img[src=x]").count() == 0
        assert page.locator("[data-testid=stMain] a[href*='example.org']").count() == 0


def test_no_id_of_a_person_reaches_the_browser(
    browser,
    address: str,
    tiny: Study,  # type: ignore[no-untyped-def]
) -> None:
    """Everything that the server sends over the wire to a visitor of every page, searched for every id."""
    ids = {p.encode() for p in read_table(tiny.table("participants"))["participant_id"].astype(str)}
    assert all(len(i) > 3 for i in ids)
    received: list[bytes] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()

    def listen(socket) -> None:  # type: ignore[no-untyped-def]
        socket.on("framereceived", lambda f: received.append(f if isinstance(f, bytes) else f.encode()))

    page.on("websocket", listen)
    visitor = Watched(context, address)
    visitor.page.close()
    visitor.page = page
    for name in PAGES:
        notebook = "&notebook=02_disagreement" if name == "runs" else ""
        visitor.open(f"{'' if name == 'overview' else name}?study=tiny{notebook}")
    context.close()
    everything = b"".join(received)
    assert len(everything) > 100_000
    assert not [i for i in ids if i in everything]


def test_several_visitors_at_once(browser, address: str) -> None:  # type: ignore[no-untyped-def]
    """A short version of benchmarks/dashboard.py: four visitors change filters at the same time, without an error."""
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
