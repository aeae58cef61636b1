"""Page 8: the published results beside those of this study."""

import streamlit as st
from ui.frame import show
from ui.page import Page, bullets

from plural_core.dashboard.views import reproduction
from plural_core.pooling.reproduction import INCONSISTENCIES


def body(page: Page) -> None:
    """Lay out the page."""
    page.section(_part)
    page.heading(page.words("reproduction.inconsistencies"))
    st.html(f'<div lang="en">{bullets(INCONSISTENCIES)}</div>')


def _part(page: Page) -> None:
    """Show a part of the published table."""
    w, view = page.words, page.view
    with page.choices("part") as choose:
        parts = reproduction.parts(view)
        usual = "demographic" if "demographic" in parts else None
        part = choose.one("part", {**parts, reproduction.ALL: w("reproduction.everything")}, usual)
    page.panel(reproduction.beside, part)


show(body)
