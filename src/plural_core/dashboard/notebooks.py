"""Executed notebooks as blocks that the page shows itself: prose, figures, tables. No script of theirs runs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from plural_core.errors import DataError
from plural_core.notebooks.display import PLOTLY_MIME

FIGURE, HTML, MARKDOWN, TEXT = "figure", "html", "markdown", "text"


@dataclass(frozen=True, eq=False)
class Block:
    """A piece of an executed notebook.

    Parameters
    ----------
    kind : {'markdown', 'html', 'figure', 'text'}
        How to show it. HTML holds only harmless tags, Markdown no picture and no heading above the third level.
    content : str
        Its text; for a figure, what it shows in one sentence.
    figure : Figure, optional
        The figure.
    """

    kind: str
    content: str
    figure: go.Figure | None = None


def read_blocks(path: Path) -> list[Block]:
    """Return what readers see of an executed notebook: no code, no parameters, no warnings.

    Raises
    ------
    DataError
        The file is missing or no notebook.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        cells = list(document["cells"])
    except FileNotFoundError:
        raise DataError(f"{path}: this notebook has not been run") from None
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        raise DataError(f"{path}: not a notebook; delete it and run again") from None
    blocks: list[Block] = []
    for cell in cells:
        if cell.get("cell_type") == "markdown":
            blocks.append(Block(MARKDOWN, _prose(_joined(cell.get("source")))))
        elif "parameters" not in cell.get("metadata", {}).get("tags", []):
            for output in cell.get("outputs", []):
                block = _output(output)
                if block is not None:
                    blocks.append(block)
    return blocks


def _output(output: dict[str, Any]) -> Block | None:
    data = output.get("data")
    if not isinstance(data, dict):
        return None  # streams and tracebacks stand in the log
    plain = _joined(data.get("text/plain"))
    if PLOTLY_MIME in data:
        figure = {k: v for k, v in data[PLOTLY_MIME].items() if k in ("data", "layout")}
        try:
            return Block(FIGURE, plain.removeprefix("Figure: "), go.Figure(figure, skip_invalid=True))
        except ValueError:
            return Block(TEXT, plain)
    if "text/html" in data:
        html = harmless(_joined(data["text/html"]))
        return Block(HTML, html) if html.strip() else None
    if "text/markdown" in data:
        return Block(MARKDOWN, _prose(_joined(data["text/markdown"])))
    return Block(TEXT, plain) if plain else None


def _joined(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else str(source or "")


def _prose(markdown: str) -> str:
    """Return Markdown that fits below the page's own headings and loads nothing from elsewhere."""
    lower = re.sub(r"(?m)^(#{1,4})(?=\s)", r"##\1", markdown)
    return lower.replace("![", "!\\[")


_TAGS = frozenset(
    (
        *("p", "em", "strong", "b", "i", "small", "code", "pre", "ul", "ol", "li", "br", "hr", "blockquote"),
        *("table", "caption", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd", "h3", "h4", "h5", "div", "span"),
    )
)
_ATTRIBUTES = frozenset({"class", "scope", "colspan", "rowspan", "lang"})
_DROPPED = frozenset({"script", "style", "iframe", "object", "template", "svg", "math", "noscript"})


class _Harmless(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.dropping: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED:
            self.dropping.append(tag)
        elif tag in _TAGS and not self.dropping:
            kept = "".join(f' {n}="{escape(v or "", quote=True)}"' for n, v in attrs if n in _ATTRIBUTES)
            self.parts.append(f"<{tag}{kept}>")

    def handle_endtag(self, tag: str) -> None:
        if self.dropping and tag == self.dropping[-1]:
            self.dropping.pop()
        elif tag in _TAGS and not self.dropping and tag not in ("br", "hr"):
            self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self.dropping:
            self.parts.append(escape(data))


def harmless(html: str) -> str:
    """Return HTML with its text, tables and lists, and nothing that runs, loads or links."""
    parser = _Harmless()
    parser.feed(html)
    parser.close()
    return "".join(parser.parts)


def title_of(blocks: list[Block]) -> str:
    """Return a notebook's first heading."""
    for block in blocks:
        if block.kind == MARKDOWN and (found := re.match(r"\s*#+\s+(.+)", block.content)):
            return found[1].strip()
    return ""
