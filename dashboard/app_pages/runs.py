"""Page 10: what has run, what failed, and the executed notebooks."""

import streamlit as st
from ui.frame import show
from ui.page import Page, alert

from plural_core.dashboard.notebooks import FIGURE, HTML, MARKDOWN, Block, read_blocks
from plural_core.dashboard.pictures import CONFIG, in_language
from plural_core.dashboard.views import runs
from plural_core.figures.screen import for_screen

NOTHING = ""


def body(page: Page) -> None:
    """Lay out the page."""
    page.section(_read)
    page.panel(runs.status_panel)
    if page.view.study.table("runs").is_file():
        page.panel(runs.tunes_panel)
    page.panel(runs.manifests_panel)


def _read(page: Page) -> None:
    """Offer the executed notebooks, and show one."""
    w, view = page.words, page.view
    page.heading(w("runs.read"))
    done = [s for s in runs.steps(view.study) if s.state == "done" and s.notebook != "tables"]
    if not done:
        page.say(w("runs.no_notebooks"))
        return
    if not view.current:
        alert("info", w("states.privacy_title"), w("runs.notebook_stale"))
        return
    with page.choices("notebook") as choose:
        options = {NOTHING: w("options.nothing"), **{s.name: runs.notebook_title(s, view) for s in done}}
        name = choose.one("notebook", options)
    if name != NOTHING:
        _notebook(page, name)


def _notebook(page: Page, name: str) -> None:
    blocks = read_blocks(runs.executed(page.view.study, name))
    with st.container(border=True, key=f"{page.prefix.strip('.')}notebook"):
        for number, block in enumerate(blocks):
            _block(page, block, f"{page.prefix}{name}-{number}")


def _block(page: Page, block: Block, key: str) -> None:
    if block.kind == FIGURE and block.figure is not None:
        figure = for_screen(
            in_language(block.figure, page.words), dark=page.dark and not page.printing, narrow=page.narrow, titled=True
        )
        st.plotly_chart(figure, theme=None, key=key, config=CONFIG, alt=block.content)
    elif block.kind == HTML:
        st.html(f'<div lang="en" class="plural-notebook">{block.content}</div>')
    elif block.kind == MARKDOWN:
        st.markdown(block.content)
    else:
        st.text(block.content)


show(body)
