"""Page 3: how much people disagree, and whether it depends on who they are."""

import streamlit as st
from ui.frame import show
from ui.page import Page, texts_html

from plural_core.dashboard.views import disagreement


def body(page: Page) -> None:
    """Lay out the page."""
    w, view = page.words, page.view
    page.panel(disagreement.rates)
    page.panel(disagreement.alpha)
    with page.choices() as choose:
        dimension = choose.one("dimension", view.dimensions)
        measure = choose.one("measure", {m: w(f"options.{m}") for m in disagreement.MEASURES})
    page.panel(disagreement.by_group, dimension, measure)
    with page.guarded():
        _pair(page, dimension)
    page.panel(disagreement.cooccurrence)


def _pair(page: Page, dimension: str) -> None:
    """Show what sets two groups apart."""
    view = page.view
    factors = {name: label for name, label in view.factors.items() if len(view.groups(name)) > 1}
    if not factors:
        return
    with page.choices() as choose:
        usual = next(iter(page.made(disagreement.comparable)), None)
        factor = choose.one("factor", factors, usual, clears=("group_a", "group_b", "topic"), term="factor")
        groups = view.groups(factor)
        a = choose.one("group_a", {g: g for g in groups}, clears=("topic",))
        b = choose.one("group_b", {g: g for g in groups if g != a}, clears=("topic",))
    page.panel(disagreement.between, factor, a, b)
    page.panel(disagreement.topics, dimension, factor, a, b)
    with page.guarded():
        _examples(page, dimension, factor, a, b)


def _examples(page: Page, dimension: str, factor: str, a: str, b: str) -> None:
    w = page.words
    topics = page.made(disagreement.topics, dimension, factor, a, b).table
    if topics.empty:
        return
    page.heading(w("disagreement.topics.examples"))
    with page.choices() as choose:
        options = {str(t): str(label) for t, label in zip(topics["topic"], topics["label"], strict=True)}
        topic = choose.one("topic", options)
    row = topics[topics["topic"] == topic].iloc[0]
    page.say(w("disagreement.topics.examples_intro", words=row["label"]))
    found = page.made(disagreement.examples, str(row["language"]), str(row["label"]))
    if found.empty:
        page.say(w("disagreement.topics.no_examples"))
    labels = {"prompt": w("disagreement.topics.prompt"), "response": w("disagreement.topics.response")}
    st.html(texts_html(found, labels))


show(body)
