"""SVG and PNG files of figures, where a Chrome or Chromium is found."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import plotly.graph_objects as go

from plural_core.errors import PluralError

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
NO_BROWSER = "No Chrome or Chromium was found, so figures are not written as SVG or PNG; the HTML report has them."


def browser_path() -> str | None:
    """Return the path of a Chrome or Chromium, or None; ``BROWSER_PATH`` names another one."""
    named = os.environ.get("BROWSER_PATH")
    if named:
        return named if Path(named).is_file() else None
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def export_figure(figure: go.Figure, path: Path, *, width: int = 900, scale: float = 2.0) -> Path | None:
    """Write a figure as ``.svg``, ``.png`` or ``.pdf``, by its name.

    Parameters
    ----------
    figure : Figure
        The figure; its height is kept.
    path : Path
        Target file.
    width : int
        Width in pixels.
    scale : float
        Pixels of a PNG per pixel of the figure.

    Returns
    -------
    Path or None
        The file, or None (after one printed line) where no browser is found.

    Raises
    ------
    PluralError
        The name has another ending.
    """
    kind = path.suffix.removeprefix(".")
    if kind not in ("svg", "png", "pdf"):
        raise PluralError(f"{path}: figures are written as .svg, .png or .pdf")
    browser = browser_path()
    if browser is None:
        print(NO_BROWSER)
        return None
    import kaleido

    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"format": kind, "width": width, "height": int(figure.layout.height or 400), "scale": scale}
    # Chromium refuses its sandbox to root, as in containers and on build machines.
    sandbox = os.name != "posix" or os.geteuid() != 0
    kaleido.write_fig_sync(
        figure,
        path=str(path),
        opts=options,
        kopts={"path": browser, "enable_sandbox": sandbox, "enable_gpu": False},
    )
    return path
