"""Plotly figures, used by notebooks and dashboard alike: tables in, figures out."""

from plural_core.figures.between import between_figure
from plural_core.figures.cooccurrence import cooccurrence_figure
from plural_core.figures.disagreement import alpha_figure, disagreement_figure, group_disagreement_figure
from plural_core.figures.export import browser_path, export_figure
from plural_core.figures.forest import forest_figure
from plural_core.figures.intervals import interval_figure
from plural_core.figures.quality import coverage_figure, group_share_figure, scale_use_figure
from plural_core.figures.theme import OKABE_ITO, mark_simulated
from plural_core.figures.topics import topics_figure

__all__ = [
    "OKABE_ITO",
    "alpha_figure",
    "between_figure",
    "browser_path",
    "cooccurrence_figure",
    "coverage_figure",
    "disagreement_figure",
    "export_figure",
    "forest_figure",
    "group_disagreement_figure",
    "group_share_figure",
    "interval_figure",
    "mark_simulated",
    "scale_use_figure",
    "topics_figure",
]
