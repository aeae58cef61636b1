"""What is kept between runs, shared by all visitors: studies, their people, and rendered panels.

Everything is keyed by the files' times and sizes, so a new run of a study shows at the next click.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from plural_core.dashboard import store
from plural_core.dashboard.guard import is_current
from plural_core.dashboard.html import table_html
from plural_core.dashboard.panel import Panel
from plural_core.dashboard.people import shown_people
from plural_core.dashboard.pictures import prepared
from plural_core.dashboard.studies import CONFIG, open_study
from plural_core.dashboard.views.context import View
from plural_core.dashboard.words import Words
from plural_core.errors import DataError
from plural_core.figures.screen import for_screen
from plural_core.io import attempt, read_table
from plural_core.ratings.privacy import ProtectedParticipants
from plural_core.study import Study


def signature(folder: Path) -> str:
    """Return a digest of name, time and size of every file that pages read: equal digests, equal pages."""
    found: list[tuple[str, int, int]] = []
    for place in (folder, folder / "tables", folder / "findings", folder / "logs", folder / "report" / "notebooks"):
        try:
            with os.scandir(place) as entries:
                found += [(e.name, s.st_mtime_ns, s.st_size) for e in entries if e.is_file() and (s := e.stat())]
        except OSError:
            continue
    return hashlib.sha256(repr(sorted(found)).encode()).hexdigest()


@st.cache_resource(max_entries=50, show_spinner=False)
def study(folder: str, config: tuple[int, int]) -> Study:
    """Return a study; `config` is its config's time and size."""
    return open_study(Path(folder))


def opened(folder: Path) -> Study:
    """Return a study as its config stands now."""
    state = (folder / CONFIG).stat() if (folder / CONFIG).is_file() else None
    return study(str(folder), (state.st_mtime_ns, state.st_size) if state else (0, 0))


@st.cache_resource(max_entries=20, show_spinner=False)
def _people(
    folder: str, config: tuple[int, int], files: tuple[tuple[int, int], ...], _study: Study
) -> tuple[ProtectedParticipants | None, bool]:
    try:
        people = shown_people(_study)
    except DataError:
        return None, False
    if not _study.config.privacy.enabled:
        return people, True
    return people, is_current(attempt(read_table, _study.table("levels")), people)


def view(folder: Path, words: Words) -> View:
    """Return a study in front of a reader."""
    found = opened(folder)
    state = (folder / CONFIG).stat()
    files = tuple(store.signature(found, name) for name in ("participants", "levels"))
    return _view(str(folder), (state.st_mtime_ns, state.st_size), files, words.language, found)


@st.cache_resource(max_entries=40, show_spinner=False)
def _view(
    folder: str, config: tuple[int, int], files: tuple[tuple[int, int], ...], language: str, _study: Study
) -> View:
    people, current = _people(folder, config, files, _study)
    return View(_study, Words(language), people, current)


@dataclass(frozen=True, eq=False)
class Rendered:
    """A panel with its table as HTML and its figure for the visitor's screen."""

    panel: Panel
    table: str
    figure: go.Figure | None


def _made_panel(make: Callable[..., Panel], view: View, args: tuple[Any, ...]) -> Panel:
    panel = make(view, *args)
    if panel.figure is None:
        return panel
    figure = prepared(panel.figure, view.words, simulated=view.simulated, names=view.names)
    return Panel(panel.id, panel.title, panel.reading, panel.table, panel.columns, figure, panel.note, panel.terms)


@st.cache_resource(max_entries=300, show_spinner=False)
def _panel(key: tuple[object, ...], _make: Callable[..., Panel], _view: View, _args: tuple[Any, ...]) -> Panel:
    return _made_panel(_make, _view, _args)


def _on_screen(panel: Panel, words: Words, dark: bool, narrow: bool) -> Rendered:
    figure = None if panel.figure is None else for_screen(panel.figure, dark=dark, narrow=narrow)
    return Rendered(panel, table_html(panel, words), figure)


@st.cache_resource(max_entries=300, show_spinner=False)
def _rendered(
    key: tuple[object, ...], dark: bool, narrow: bool, _make: Callable[..., Panel], _view: View, _args: tuple[Any, ...]
) -> Rendered:
    return _on_screen(_panel(key, _make, _view, _args), _view.words, dark, narrow)


def rendered_anew(
    make: Callable[..., Panel], view: View, args: tuple[Any, ...], *, dark: bool, narrow: bool
) -> Rendered:
    """Return a panel of a visitor's own data: nothing of it is kept."""
    return _on_screen(_made_panel(make, view, args), view.words, dark, narrow)


def rendered(
    make: Callable[..., Panel], view: View, args: tuple[Any, ...], signed: str, *, dark: bool, narrow: bool
) -> Rendered:
    """Return a panel made by ``make(view, *args)``, ready for the screen.

    Parameters
    ----------
    make : callable
        A function of `plural_core.dashboard.views`.
    view : View
        The study.
    args : tuple
        The filters; hashable.
    signed : str
        The study's signature.
    dark, narrow : bool
        The visitor's screen.
    """
    key = (str(view.study.root), signed, f"{make.__module__}.{make.__qualname__}", args, view.words.language)
    return _rendered(key, dark, narrow, make, view, args)


@st.cache_resource(max_entries=100, show_spinner=False)
def _made(key: tuple[object, ...], _make: Callable[..., Any], _view: View, _args: tuple[Any, ...]) -> Any:
    return _make(_view, *_args)


def made(make: Callable[..., Any], view: View, args: tuple[Any, ...], signed: str) -> Any:
    """Return what ``make(view, *args)`` returns; it must not be changed."""
    key = (str(view.study.root), signed, f"{make.__module__}.{make.__qualname__}", args, view.words.language)
    return _made(key, make, view, args)
