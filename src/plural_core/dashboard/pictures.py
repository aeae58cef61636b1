"""Figures in the reader's language, and as SVG and PNG files."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Collection
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio

from plural_core.dashboard.words import Words, texts
from plural_core.errors import PluralError
from plural_core.figures.export import browser_path, export_figure
from plural_core.figures.theme import mark_simulated

CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg"},
}
"""How plotly shows a figure in the browser."""
MOST_KEPT = 64
_kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
_one_at_a_time = threading.Lock()


def prepared(figure: go.Figure, words: Words, *, simulated: bool, names: Collection[str] = ()) -> go.Figure:
    """Return a figure with the mark of simulated data, in the reader's language, its texts as texts.

    Parameters
    ----------
    figure : Figure
        The figure; it may be changed.
    words : Words
        The reader's language.
    simulated : bool
        Whether to mark it.
    names : collection of str
        Names from configs and data: plotly would take what is in angle brackets for markup.
    """
    if simulated:
        mark_simulated(figure)
    return in_language(_as_text(figure, [n for n in names if "<" in n]), words)


def _as_text(figure: go.Figure, strange: Collection[str]) -> go.Figure:
    """Return a figure in which plotly finds no markup but the line breaks and bold headings of our own figures."""
    raw = figure.to_plotly_json()
    template = raw["layout"].pop("template", None)
    if not strange and not _FOREIGN.search(json.dumps(raw, default=str)):
        raw["layout"]["template"] = template
        return figure
    # Longer names first, so that a name within another does not break it.
    pairs = [(n, n.replace("<", "&lt;")) for n in sorted(strange, key=len, reverse=True)]
    plain = _escaped(raw, pairs)
    plain["layout"]["template"] = template
    return go.Figure(plain)


_FOREIGN = re.compile(r"<(?!/?(?:b|br|extra)>)")


def _escaped(value: Any, pairs: list[tuple[str, str]]) -> Any:
    if isinstance(value, dict):
        return {key: _escaped(v, pairs) for key, v in value.items()}
    if isinstance(value, list | tuple) or (hasattr(value, "tolist") and value.dtype.kind in "OU"):
        return [_escaped(v, pairs) for v in value]
    if isinstance(value, str):
        for name, safe in pairs:
            value = value.replace(name, safe)
        return _FOREIGN.sub("&lt;", value)
    return value


def in_language(figure: go.Figure, words: Words) -> go.Figure:
    """Return a figure whose own words and numbers are in a language; titles come from whoever made it."""
    if words.language == "en":
        return figure
    figure.layout.separators = words.separators
    phrases = _phrases(words.language)
    raw = figure.to_plotly_json()
    template = raw["layout"].pop("template", None)
    translated = _translated(raw, phrases, words)
    translated["layout"]["template"] = template if template is not None else pio.templates["plural"]
    return go.Figure(translated)


def _phrases(language: str) -> dict[str, str]:
    english, theirs = texts("en"), texts(language)
    return {english[key]: theirs[key] for key in english if key.startswith("figures.")}


_TEXTS = ("text", "name", "hovertemplate", "hovertext", "ticktext")


def _translated(value: Any, phrases: dict[str, str], words: Words, key: str = "") -> Any:
    """Return plotly JSON with its texts translated; what is not a text stays."""
    if isinstance(value, dict):
        return {name: _translated(v, phrases, words, name) for name, v in value.items()}
    if isinstance(value, list | tuple) or (hasattr(value, "tolist") and key in _TEXTS):
        return [_translated(v, phrases, words, key) for v in value]
    if isinstance(value, str) and key in _TEXTS:
        return _phrase(value, phrases, words, numbers=key in ("text", "hovertext"))
    return value


def _phrase(text: str, phrases: dict[str, str], words: Words, numbers: bool) -> str:
    if text in phrases:
        return phrases[text]
    for english, theirs in phrases.items():
        if len(english) > 7 and english in text:
            text = text.replace(english, theirs)
    return words.localised(text) if numbers else text


def can_export() -> bool:
    """Return whether SVG and PNG files can be made here (a Chrome or Chromium is found)."""
    return browser_path() is not None


def picture_bytes(figure: go.Figure, kind: str, width: int = 900, *, keep: bool = True) -> bytes:
    """Return a figure as a file; the latest are kept, and one is made at a time.

    Parameters
    ----------
    figure : Figure
        The figure in light colours.
    kind : {'svg', 'png'}
        Format.
    width : int
        Width in pixels.
    keep : bool
        False for a visitor's own data: nothing of it is kept.

    Raises
    ------
    PluralError
        No Chrome or Chromium is found.
    """
    key = (hashlib.sha256(figure.to_json().encode()).hexdigest(), kind)
    with _one_at_a_time:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
        with tempfile.TemporaryDirectory() as folder:
            path = export_figure(figure, Path(folder) / f"figure.{kind}", width=width)
            if path is None:
                raise PluralError("no Chrome or Chromium was found, so pictures cannot be made here")
            content = path.read_bytes()
        if not keep:
            return content
        _kept[key] = content
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
        return content
