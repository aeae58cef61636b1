"""The dashboard in a real browser: keyboard, hovers, contrast, print, and what must not reach a visitor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plural_core.io import read_table
from plural_core.study import Study
from tests.dashboard.screens import sound
from tests.dashboard.test_pages import PAGES

if TYPE_CHECKING:
    from tests.dashboard.browsing import Watched

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


def test_print_view(visit: Callable[..., Watched], picture: Callable[..., Path], tmp_path: Path) -> None:
    visitor = visit("effects?study=tiny&view=print&dimension=sensitivity")
    page = visitor.page
    sound(visitor)
    assert not page.get_by_test_id("stSidebar").is_visible()
    assert page.locator("table").first.is_visible()
    assert "Printed from" in visitor.text
    wide = page.evaluate(
        "() => [...document.querySelectorAll('.plural-scroll')].map((e) => e.scrollWidth - e.clientWidth)"
    )
    assert wide and max(wide) <= 1  # a printed table is not cut
    picture(visitor, "effects_print")
    page.emulate_media(media="print")
    page.pdf(path=str(tmp_path / "print.pdf"), format="A4")
    assert (tmp_path / "print.pdf").stat().st_size > 20_000


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
    from tests.dashboard.browsing import Watched

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
