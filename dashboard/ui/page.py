"""One page for one study: filters, panels, and what to say where something is missing."""

from __future__ import annotations

import functools
import logging
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from plural_core.dashboard import html
from plural_core.dashboard.downloads import csv_bytes, file_name
from plural_core.dashboard.panel import Panel
from plural_core.dashboard.pictures import CONFIG, can_export, picture_bytes
from plural_core.dashboard.store import TableDamaged, TableMissing
from plural_core.dashboard.views.context import View
from plural_core.dashboard.words import Words
from plural_core.errors import PluralError, PrivacyError
from ui import cached
from ui.filters import Filters, plain

LOG = logging.getLogger("plural.dashboard")


@dataclass
class Page:
    """What a page's body works with.

    Parameters
    ----------
    view : View
        The study, in the reader's language.
    filters : Filters
        Its filters.
    signature : str
        State of the study's files.
    prefix : str
        Put in front of keys where two studies stand side by side.
    dark, narrow, printing : bool
        The visitor's screen, and whether the page is for print.
    terms : list of str
        Keys of the terms shown so far.
    private : bool
        The view holds a visitor's own data: nothing of it is kept where other visitors' pages are.
    """

    view: View
    filters: Filters
    signature: str
    prefix: str = ""
    dark: bool = False
    narrow: bool = False
    printing: bool = False
    terms: list[str] = field(default_factory=list)
    private: bool = False

    @property
    def words(self) -> Words:
        """The reader's language."""
        return self.view.words

    def panel(self, make: Callable[..., Panel], *args: Any, folded: bool = False) -> None:
        """Show the panel that ``make(view, *args)`` returns, or why it cannot be shown.

        `folded` puts its table away, which a figure does anyway.
        """
        with self.guarded():
            with st.spinner(self.words("app.loading")):
                dark = self.dark and not self.printing
                if self.private:
                    made = cached.rendered_anew(make, self.view, args, dark=dark, narrow=self.narrow)
                else:
                    made = cached.rendered(make, self.view, args, self.signature, dark=dark, narrow=self.narrow)
            self._show(made, folded)

    def made(self, make: Callable[..., Any], *args: Any) -> Any:
        """Return what ``make(view, *args)`` returns, kept between runs."""
        return cached.made(make, self.view, args, self.signature)

    def _show(self, made: cached.Rendered, folded: bool) -> None:
        panel, key = made.panel, f"{self.prefix}{made.panel.id}"
        self.terms += panel.all_terms
        with st.container(key=_css(f"panel-{key}")):
            st.html(f"<h2>{escape(panel.title)}</h2>{html.paragraph(panel.reading, 'reading')}")
            if made.figure is not None:
                st.plotly_chart(
                    made.figure, theme=None, key=f"figure-{key}", config=CONFIG, alt=f"{panel.title}. {panel.reading}"
                )
            if panel.note:
                st.html(html.paragraph(panel.note, "note"))
            if panel.table.empty:
                return
            if self.printing:
                st.html(made.table)
                return
            if made.figure is None and not folded:
                st.html(made.table)
            else:
                with st.expander(self.words("table.show"), key=f"table-{key}"):
                    st.html(made.table)
            self._downloads(panel, key)

    def _downloads(self, panel: Panel, key: str) -> None:
        w, simulated = self.words, self.view.simulated
        name = functools.partial(file_name, self.view.study.name, panel.id, simulated=simulated)
        with st.container(horizontal=True, key=_css(f"downloads-{key}"), gap="small"):
            st.download_button(
                w("table.csv"), functools.partial(csv_bytes, panel.table, simulated=simulated), name("csv"), "text/csv",
                key=f"csv-{key}", help=w("table.csv_help"), on_click="ignore", icon=":material/table:",
            )  # fmt: skip
            if panel.figure is None:
                return
            able = can_export()
            for kind, mime in (("svg", "image/svg+xml"), ("png", "image/png")):
                picture = functools.partial(picture_bytes, panel.figure, kind, keep=not self.private)
                st.download_button(
                    w(f"table.{kind}"), picture if able else b"", name(kind), mime, key=f"{kind}-{key}",
                    help=w(f"table.{kind}_help" if able else "table.no_pictures"), on_click="ignore",
                    icon=":material/image:", disabled=not able,
                )  # fmt: skip

    @contextmanager
    def choices(self, name: str) -> Iterator[Filters]:
        """Lay out filters in a row; in print, list what is chosen. `name` tells rows of a page apart."""
        if self.printing:
            yield self.filters
            shown = " · ".join(f"{label}: {value}" for label, value in self.filters.printed)
            if shown:
                st.html(html.paragraph(shown, "chosen"))
            self.filters.printed.clear()
            return
        with st.container(
            horizontal=True,
            key=_css(f"filters-{self.prefix}{name}"),
            gap="medium",
            vertical_alignment="bottom",
        ):
            yield self.filters

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Show an error as words for people; tracebacks go to the log."""
        try:
            yield
        except Exception as error:
            problem(error, self.words)

    def section(self, body: Callable[..., None], *args: Any) -> None:
        """Run a part of the page on its own: its filters draw only it anew.

        Parameters
        ----------
        body : callable
            Called with the page as the study's files stand at that moment, and `args`.
        args
            What the rest of the page has chosen.
        """

        @st.fragment
        def run() -> None:
            fresh = self._fresh()
            with fresh.guarded():
                body(fresh, *args)

        run()

    def _fresh(self) -> Page:
        """Return the page with the study as it is now; terms are gathered in the same list."""
        folder = self.view.study.root
        filters = Filters(self.words, self.prefix, self.printing, self.filters.chosen)
        if self.private:
            return replace(self, filters=filters)
        return replace(self, view=cached.view(folder, self.words), signature=cached.signature(folder), filters=filters)

    def heading(self, text: str) -> None:
        """Show a heading of plain text."""
        st.html(f"<h2>{escape(text)}</h2>")

    def say(self, text: str, kind: str = "") -> None:
        """Show plain text."""
        st.html(html.paragraph(text, kind))

    def glossary(self) -> None:
        """Show the definitions of the terms on this page."""
        if not self.terms:
            return
        shown = html.glossary_html(self.terms, self.words)
        if self.printing:
            self.heading(self.words("app.terms"))
            st.html(shown)
        else:
            with st.expander(self.words("app.terms"), key=f"{self.prefix}terms", icon=":material/dictionary:"):
                st.html(shown)


def problem(error: Exception, words: Words) -> None:
    """Show what is wrong and what to do about it."""
    match error:
        case TableMissing():
            alert("info", words("states.missing_title"), words("states.missing", table=error.name, owner=error.owner))
        case TableDamaged():
            path = "/".join(error.path.parts[-3:])
            alert("error", words("states.damaged_title"), words("states.damaged", path=path))
        case PrivacyError():
            alert("info", words("states.privacy_title"), str(error))
        case PluralError():
            alert("warning", words("states.error_title"), str(error))
        case _:
            number = secrets.token_hex(4)
            LOG.exception("error %s", number, exc_info=error)
            alert("error", words("states.error_title"), words("states.error", number=number))


def alert(kind: str, title: str, text: str) -> None:
    """Show a box of plain text: ``info``, ``warning`` or ``error``."""
    role = "alert" if kind == "error" else "note"
    inner = f"<strong>{escape(title)}</strong><p>{escape(text)}</p>"
    st.html(f'<div class="plural-alert plural-{kind}" role="{role}">{inner}</div>')


def texts_html(table: pd.DataFrame, labels: dict[str, str]) -> str:
    """Return texts of people and models as plain text, each with a label; nothing in them becomes markup."""
    entries = []
    for row in table.to_dict("records"):
        parts = "".join(
            f"<dt>{escape(label)}</dt><dd>{escape(str(row[name]))}</dd>"
            for name, label in labels.items()
            if isinstance(row[name], str) and row[name].strip()
        )
        entries.append(f'<dl class="plural-text">{parts}</dl>')
    return "".join(entries)


def _css(text: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in text)


def bullets(lines: Iterable[str]) -> str:
    """Return a list of plain lines."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


__all__ = ["Page", "alert", "bullets", "plain", "problem", "texts_html"]
