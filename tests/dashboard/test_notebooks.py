"""Executed notebooks as blocks: what readers see, and nothing that runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from plural_core.dashboard.notebooks import FIGURE, HTML, MARKDOWN, harmless, read_blocks, title_of
from plural_core.errors import DataError
from plural_core.study import Study


def test_prose_tables_and_figures_are_read_and_code_is_not(tiny: Study) -> None:
    blocks = read_blocks(tiny.report / "notebooks" / "02_disagreement.ipynb")
    assert title_of(blocks) == "Disagreement"
    assert [b.kind for b in blocks] == [MARKDOWN, HTML, FIGURE, HTML]
    everything = " ".join(b.content for b in blocks)
    assert "secret_code" not in everything
    assert "/a/path" not in everything
    figure = blocks[2].figure
    assert figure is not None
    assert "Simulated data" in figure.to_json()
    assert blocks[2].content == "Share of items whose ratings are not all equal."


def test_nothing_in_a_notebook_runs(tiny: Study) -> None:
    hostile = read_blocks(tiny.report / "notebooks" / "02_disagreement.ipynb")[-1].content
    assert hostile == "<p>hostile</p>"


@pytest.mark.parametrize(
    ("html", "safe"),
    [
        ("<p onclick='x()'>a</p>", "<p>a</p>"),
        ("<a href='javascript:x()'>a</a>", "a"),
        ("<style>p{}</style><p class='k'>a</p>", '<p class="k">a</p>'),
        ("<svg><script>x</script></svg>b", "b"),
        ("<img src=x onerror=y>", ""),
        ("a &lt;b&gt; &amp; c", "a &lt;b&gt; &amp; c"),
        ('<td class="a&quot;b">1</td>', '<td class="a&quot;b">1</td>'),
        ("<iframe src=x><p>in</p></iframe>out", "out"),
        ("<script>alert(1)", ""),
    ],
)
def test_only_harmless_tags_are_kept(html: str, safe: str) -> None:
    assert harmless(html) == safe


def test_headings_go_below_the_pages_and_pictures_do_not_load(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text('{"cells": [{"cell_type": "markdown", "source": ["# T\\n", "![x](http://e.org/a.png) #no"]}]}')
    assert read_blocks(path)[0].content == "### T\n!\\[x](http://e.org/a.png) #no"


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"cells": 3}', "\xff"])
def test_a_damaged_notebook_is_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(DataError, match="not a notebook"):
        read_blocks(path)
    with pytest.raises(DataError, match="has not been run"):
        read_blocks(tmp_path / "none.ipynb")
