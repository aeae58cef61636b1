"""Page 1: what was asked of whom, what came out, what is missing."""

from html import escape

import streamlit as st
from ui.frame import FRAME, show
from ui.page import Page, bullets

from plural_core.dashboard import html
from plural_core.dashboard.views import overview, runs


def body(page: Page) -> None:
    """Lay out the page."""
    w, view = page.words, page.view
    if view.study.config.description:
        page.say(view.study.config.description)
    st.html(html.facts_html(overview.facts(view)))
    page.heading(w("overview.findings"))
    page.say(w("overview.findings_intro"), "note")
    _findings(page)
    page.heading(w("overview.asked"))
    page.say(w("overview.asked_intro"))
    asked = "".join(
        f"<dt>{escape(label)}</dt><dd>{escape(definition)} <small>{escape(scale)}</small></dd>"
        for label, definition, scale in overview.questions(view)
    )
    st.html(f'<dl class="plural-glossary">{asked}</dl>')
    with page.guarded():
        page.heading(w("overview.whom"))
        st.html(bullets(
            w("overview.whom_line", factor=label, levels=", ".join(view.protected.levels[name]))
            for name, label in view.factors.items()
        ))  # fmt: skip
        page.say(
            w("privacy.rule", last=view.protected.k - 1) if view.study.config.privacy.enabled else w("privacy.no_rule"),
            "note",
        )
    page.heading(w("overview.missing"))
    left = runs.missing(view)
    if left:
        lines = [
            w("overview.missing_line", title=runs.notebook_title(s, view), state=w(f"runs.states.{s.state}"))
            for s in left
        ]
        st.html(bullets(lines))
    else:
        page.say(w("overview.nothing_missing"))


def _findings(page: Page) -> None:
    w = page.words
    found = overview.findings(page.view)
    if not found:
        page.say(w("overview.no_findings"))
        return
    frame = st.session_state[FRAME]
    for number, finding in enumerate(found):
        with st.container(border=True, gap=None, key=f"finding-{page.prefix.strip('.')}{number}"):
            numbers = html.paragraph(finding.numbers, "numbers") if finding.numbers else ""
            st.html(f'<p class="plural-finding" lang="en">{escape(finding.sentence)}</p>{numbers}')
            if not page.printing:
                title = w.named(f"notebooks.{finding.notebook.split('-')[0]}", finding.notebook)
                st.page_link(
                    frame.pages["runs"], label=w("overview.read_notebook", title=title), icon=":material/menu_book:",
                    query_params={
                        "study": page.view.study.root.name, "lang": w.language, "notebook": finding.notebook,
                    },
                )  # fmt: skip


show(body)
