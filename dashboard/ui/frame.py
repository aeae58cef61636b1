"""The frame around every page: studies, navigation, language, the mark of simulated data, links and print."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path

import streamlit as st

from plural_core.dashboard import url
from plural_core.dashboard.studies import Shelf, titles
from plural_core.dashboard.words import LANGUAGES, Words, language_of
from plural_core.errors import PluralError
from plural_core.report.html import CITATION
from ui import browser, cached
from ui.filters import Filters
from ui.page import Page, alert, problem

HERE = Path(__file__).resolve().parents[1]
PAGES = {
    "overview": ":material/home:",
    "raters": ":material/groups:",
    "disagreement": ":material/forum:",
    "effects": ":material/balance:",
    "tuning": ":material/tune:",
    "compare": ":material/compare:",
    "audit": ":material/gavel:",
    "reproduction": ":material/science:",
    "yours": ":material/upload_file:",
    "runs": ":material/list_alt:",
}
"""Pages in reading order, each with its icon; a page's script is ``app_pages/<name>.py``."""
CARRIED = ("dimension", "factor")
"""Filters that go along when one turns to another page."""
FRAME = "plural_frame"
YOURS = "plural_upload"
"""A visitor's upload in their session; dropped when they turn to another page or take the file away."""


@dataclass(frozen=True)
class Frame:
    """What the frame hands to the page that runs in it."""

    words: Words
    name: str
    shown: dict[str, Path]
    pages: dict[str, object]
    printing: bool
    dark: bool


def run() -> None:
    """Lay out the frame and run the page that the address names."""
    words = Words(language_of(st.query_params.get("lang"), st.context.locale))
    printing = st.query_params.get("view") == "print"
    dark = st.context.theme.type == "dark"
    st.set_page_config(
        page_title="plural", page_icon=HERE / "ui" / "icon.svg", layout="wide", initial_sidebar_state="auto"
    )
    pages = {
        name: st.Page(
            HERE / "app_pages" / f"{name}.py", title=words(f"pages.{name}"), url_path=name,
            default=name == "overview",
        )
        for name in PAGES
    }  # fmt: skip
    current = st.navigation(list(pages.values()), position="hidden")
    name = next((n for n, page in pages.items() if page.title == current.title), "overview")
    _style(dark and not printing, printing)
    browser.mount(words)
    shelf = Shelf.from_environment()
    entries = shelf.entries()
    asked = st.query_params.get("study")
    chosen = url.one_of(asked, list(entries))
    others = [n for n in entries if n != chosen]
    beside = st.query_params.get("beside")
    shown = {n: entries[n] for n in (chosen, beside if beside in others else None) if n}
    frame = Frame(words, name, shown, dict(pages), printing, dark)
    st.session_state[FRAME] = frame
    if name != "yours":
        st.session_state.pop(YOURS, None)
    if not printing:
        with st.sidebar:
            _sidebar(frame, entries, chosen)
    if asked and asked not in entries and chosen:
        alert("warning", words("states.missing_title"), words("states.unknown_study", name=asked, shown=chosen))
    current.run()
    if printing:
        _printed(frame)


def show(body: Callable[[Page], None]) -> None:
    """Run a page's body for the study in the address, or for two side by side."""
    frame: Frame = st.session_state[FRAME]
    words = frame.words
    _heading(frame)
    if not frame.shown:
        folder = Shelf.from_environment().results
        alert("info", words("states.no_studies_title"), words("states.no_studies", folder=folder))
        return
    places = st.columns(len(frame.shown), gap="large") if len(frame.shown) > 1 else [st.container()]
    for number, ((name, folder), place) in enumerate(zip(frame.shown.items(), places, strict=True)):
        with place:
            page = _page(frame, name, folder, prefix="" if number == 0 else "b.")
            if page is None:
                continue
            with page.guarded():
                body(page)
            page.glossary()
    if not frame.printing:
        with st.sidebar:
            _share(frame)


def show_without_study(body: Callable[[Words], None]) -> None:
    """Run the body of a page that needs no study."""
    frame: Frame = st.session_state[FRAME]
    words = frame.words
    _heading(frame)
    try:
        body(words)
    except Exception as error:
        problem(error, words)
    if not frame.printing:
        with st.sidebar:
            _share(frame)


def _heading(frame: Frame) -> None:
    words = frame.words
    st.html(
        f"<h1>{escape(words(f'pages.{frame.name}'))}</h1>"
        f"<p class='plural-intro'>{escape(words(f'intros.{frame.name}'))}</p>"
    )


def _page(frame: Frame, name: str, folder: Path, prefix: str) -> Page | None:
    words = frame.words
    try:
        view = cached.view(folder, words)
    except PluralError as error:
        alert(
            "error",
            words("states.bad_config_title"),
            words("states.bad_config", path=f"{name}/config.yaml", reason=error),
        )
        return None
    except Exception as error:
        problem(error, words)
        return None
    about = view.study.title
    st.html(f'<p class="plural-study"><strong>{escape(about)}</strong></p>')
    if view.simulated:
        mark, sentence = escape(words("simulated.mark")), escape(words("simulated.sentence"))
        st.html(f'<p class="plural-simulated" role="note"><strong>{mark}.</strong> {sentence}</p>')
    if view.people is not None and not view.current:
        alert("warning", words("states.privacy_title"), words("privacy.stale"))
    return Page(
        view,
        Filters(words, prefix, frame.printing),
        cached.signature(folder),
        prefix,
        dark=frame.dark,
        narrow=browser.is_narrow(),
        printing=frame.printing,
    )


def _sidebar(frame: Frame, entries: dict[str, Path], chosen: str | None) -> None:
    words = frame.words
    st.html(
        f'<p class="plural-brand"><strong>{escape(words("app.name"))}</strong><br>{escape(words("app.tagline"))}</p>'
    )
    if entries:
        names = titles(entries, cached.opened)
        st.session_state["study"] = chosen
        st.selectbox(
            words("app.study"), list(entries), format_func=lambda n: _titled(n, names), key="study",
            on_change=_choose, args=("study",), help=words("app.study_help"),
        )  # fmt: skip
        if len(entries) > 1:
            others = ["", *(n for n in entries if n != chosen)]
            st.session_state["beside"] = next((n for n in list(frame.shown)[1:]), "")
            st.selectbox(
                words("app.beside"), others, key="beside", on_change=_choose, args=("beside",),
                format_func=lambda n: _titled(n, names) if n else words("app.nothing_beside"),
                help=words("app.beside_help"),
            )  # fmt: skip
    kept = _kept(frame)
    for name, page in frame.pages.items():
        st.page_link(page, label=words(f"pages.{name}"), icon=PAGES[name], query_params=kept, width="stretch")
    st.session_state["lang"] = words.language
    st.segmented_control(
        words("app.language"), list(LANGUAGES), format_func=LANGUAGES.__getitem__, key="lang", required=True,
        on_change=_choose, args=("lang",),
    )  # fmt: skip


def _titled(name: str, names: dict[str, str]) -> str:
    title = names.get(name, name)
    return title if title == name else f"{title} ({name})"


def _choose(name: str) -> None:
    value = st.session_state[name]
    if value:
        st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]


def _kept(frame: Frame) -> dict[str, str]:
    """Return the parameters that go along to another page."""
    kept = {n: v for n in ("lang", *CARRIED) if (v := st.query_params.get(n))}
    names = list(frame.shown)
    if names:
        kept["study"] = names[0]
    if len(names) > 1:
        kept["beside"] = names[1]
    return kept


def _share(frame: Frame) -> None:
    """Offer the address of this view, the citation, and the print view."""
    words = frame.words
    named = {"study": next(iter(frame.shown), ""), "lang": words.language}
    with st.popover(words("app.share"), icon=":material/link:", width="stretch", key="share"):
        # The address holds the filters already; the browser adds what a visitor elsewhere might have otherwise.
        link = escape(json.dumps({k: v for k, v in named.items() if v}), quote=True)
        st.html(
            f"<h3>{escape(words('app.link'))}</h3><p>{escape(words('app.link_note'))}</p>"
            f'<button type="button" class="plural-button" data-copy-link="{link}">'
            f"{escape(words('app.copy_link'))}</button>"
            f"<h3>{escape(words('app.citation'))}</h3>"
            f'<p class="plural-quote" lang="en">{escape(CITATION)}</p>'
            f'<button type="button" class="plural-button" data-copy="{escape(CITATION, quote=True)}">'
            f"{escape(words('app.copy_citation'))}</button>"
        )
    st.button(words("app.print_view"), icon=":material/print:", width="stretch", key="print-view", on_click=_print)


def _print() -> None:
    """Ask for the print view of what is shown now; the browser's Back returns."""
    st.query_params["view"] = "print"


def _set_view(parameters: dict[str, str | list[str]]) -> None:
    """Replace the address's parameters; the browser's Back returns to the ones before."""
    st.query_params.from_dict(parameters)


def _printed(frame: Frame) -> None:
    """End a page for print: where it came from, and the way back."""
    words = frame.words
    back = {n: st.query_params.get_all(n) for n in st.query_params if n != "view"}
    link = url.link(st.context.url or "", back)
    st.html(
        f'<p class="plural-printed">{escape(words("app.printed", link=link, date=date.today().isoformat()))}<br>'
        f'<span lang="en">{escape(CITATION)}</span></p>'
        f'<p class="plural-screen-only"><button type="button" class="plural-button" data-print>'
        f"{escape(words('app.print'))}</button></p>"
    )
    with st.container(key="leave-print"):
        st.button(words("app.leave_print"), key="leave", on_click=_set_view, args=(back,))


def _style(dark: bool, printing: bool) -> None:
    colours = _DARK if dark else _LIGHT
    variables = ";".join(f"--plural-{name}:{value}" for name, value in colours.items())
    extra = (HERE / "ui" / "print.css").read_text(encoding="utf-8") if printing else ""
    st.html(f"<style>:root{{{variables}}}{(HERE / 'ui' / 'style.css').read_text(encoding='utf-8')}{extra}</style>")


_LIGHT = {
    "ink": "#1b1f24",
    "soft": "#57606a",
    "line": "#d0d7de",
    "shade": "#f3f5f7",
    "link": "#005a9c",
    "mark-ink": "#5c3700",
    "mark-page": "#fff6e0",
    "mark-line": "#b06f00",
    "info-page": "#e8f1fa",
    "info-line": "#005a9c",
    "error-page": "#fdecea",
    "error-line": "#b3261e",
    "tip-page": "#1b1f24",
    "tip-ink": "#ffffff",
}
_DARK = {
    "ink": "#e6edf3",
    "soft": "#a9b4c0",
    "line": "#3d444d",
    "shade": "#1a2029",
    "link": "#6cb6ff",
    "mark-ink": "#ffd98a",
    "mark-page": "#3b2b00",
    "mark-line": "#e69f00",
    "info-page": "#12263a",
    "info-line": "#6cb6ff",
    "error-page": "#3a1513",
    "error-line": "#ff8a80",
    "tip-page": "#e6edf3",
    "tip-ink": "#0e1117",
}
