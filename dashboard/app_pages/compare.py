"""Page 6: one prompt, and what the base model and any two tuned models answer."""

from html import escape

import streamlit as st
from ui.frame import show
from ui.page import Page, texts_html

from plural_core.dashboard.panel import Panel
from plural_core.dashboard.views import compare

SHOWN = 90  # characters of a prompt in the list


def body(page: Page) -> None:
    """Lay out the page."""
    page.section(_compare)


def _compare(page: Page) -> None:
    """Choose models and a prompt, and show the answers."""
    w, view = page.words, page.view
    config = view.study.config
    families = compare.families(view)
    if not families:
        page.say(w("compare.no_runs"))
        return
    with page.choices("models") as choose:
        family = choose.one("family", {f: config.models.label(f) for f in families}, clears=("prompt",), term="family")
        labels = compare.conditions(view, family)
        first = choose.one("first", labels, clears=("prompt",), term="condition")
        others = {name: label for name, label in labels.items() if name != first}
        second = choose.one("second", others, clears=("prompt",), term="condition")
        dimension = choose.one(
            "dimension", {d: view.dimension_label(d) for d in config.scored_dimensions}, clears=("prompt",)
        )
        judge = choose.one("judge", {j: j for j in config.judges}, clears=("prompt",), term="judge")
    prompts = page.made(compare.prompts, family, first, second, dimension, judge)
    if prompts.empty:
        page.say(w("compare.no_prompts"))
        return
    with page.choices("prompt") as choose:
        options = {
            str(i): f"{_short(str(text))} ({_difference(page, d)})"
            for i, text, d in zip(prompts["prompt_id"], prompts["prompt"], prompts["difference"], strict=True)
        }
        prompt = choose.one("prompt", options, wide=True)
    row = prompts[prompts["prompt_id"] == prompt]
    st.html(texts_html(row, {"prompt": w("compare.prompt")}))
    shown = (family, first, second, prompt, dimension, judge)
    with page.guarded():
        _cards(page, page.made(compare.answers, *shown))
    page.panel(compare.answers, *shown, folded=True)


def _cards(page: Page, panel: Panel) -> None:
    """Show the answers beside each other, as plain text."""
    rows = panel.table
    if rows.empty:
        return
    labels = {c.name: c.label for c in panel.columns}
    for place, number in zip(st.columns(len(rows), gap="small"), range(len(rows)), strict=True):
        with place:
            st.html(f"<h3>{escape(str(rows['condition'].iloc[number]))}</h3>")
            st.html(texts_html(rows.iloc[[number]], {n: labels[n] for n in ("answer", "score_text")}))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"


def _difference(page: Page, value: float) -> str:
    return page.words.signed(value, 2)


show(body)
