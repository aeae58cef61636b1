"""What only the visitor's browser can tell or do: see ``browser.js``."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from plural_core.dashboard.words import Words

KEY = "browser"
_component = st.components.v2.component(
    "plural_browser", js=(Path(__file__).parent / "browser.js").read_text(encoding="utf-8")
)


def is_narrow() -> bool:
    """Return whether the visitor's screen is narrow, as their browser told last."""
    return bool((st.session_state.get(KEY) or {}).get("narrow", False))


def mount(words: Words) -> None:
    """Put the helpers on the page."""
    data = {
        "language": words.language,
        "narrow": is_narrow(),
        "copied": words("app.copied"),
        "failed": words("app.copy_failed"),
    }
    _component(key=KEY, data=data, on_narrow_change=lambda: None, height=1)
