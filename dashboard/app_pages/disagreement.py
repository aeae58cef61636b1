"""Page 3: how much people disagree, and whether it depends on who they are."""

import streamlit as st
from ui.frame import show
from ui.page import Page, texts_html

from plural_core.dashboard.views import disagreement


def body(page: Page) -> None:
    """Lay out the page."""
    page.panel(disagreement.rates)
    page.panel(disagreement.alpha)
    page.section(_groups)
    page.panel(disagreement.cooccurrence)


def _groups(page: Page) -> None:
    """Show disagreement within groups, and what sets two of them apart."""
    w = page.words
    with page.choices("measure") as choose:
        dimension = choose.one("dimension", page.view.dimensions)
        measure = choose.one("measure", {m: w(f"options.{m}") for m in disagreement.MEASURES})
    page.panel(disagreement.by_group, dimension, measure)
    page.section(_pair, dimension)


def _pair(page: Page, dimension: str) -> None:
    """Show what sets two groups apart."""
    view = page.view
    factors = {name: label for name, label in view.factors.items() if len(view.groups(name)) > 1}
    if not factors:
        return
    with page.choices("pair") as choose:
        usual = next(iter(page.made(disagreement.comparable)), None)
        factor = choose.one("factor", factors, usual, clears=("group_a", "group_b", "topic"), term="factor")
        groups = view.groups(factor)
        a = choose.one("group_a", {g: g for g in groups}, clears=("topic",))
        b = choose.one("group_b", {g: g for g in groups if g != a}, clears=("topic",))
    page.panel(disagreement.between, factor, a, b)
    page.panel(disagreement.topics, dimension, factor, a, b)
    page.section(_examples, dimension, factor, a, b)


def _examples(page: Page, dimension: str, factor: str, a: str, b: str) -> None:
    """Show texts of a topic."""
    w = page.words
    topics = page.made(disagreement.topics, dimension, factor, a, b).table
    if topics.empty:
        return
    page.heading(w("disagreement.topics.examples"))
    with page.choices("topic") as choose:
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
