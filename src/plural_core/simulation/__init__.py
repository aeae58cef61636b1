"""A study whose truth is known: people, texts and ratings drawn from a documented model."""

from plural_core.simulation.lexicon import Lexicon, TextStrength, lexicon_score, segment, text_strength
from plural_core.simulation.material import draw_corpus
from plural_core.simulation.study import SimulatedStudy, simulate
from plural_core.simulation.truth import TRUTH_TABLES
from plural_core.simulation.world import World, build_world

__all__ = [
    "TRUTH_TABLES",
    "Lexicon",
    "SimulatedStudy",
    "TextStrength",
    "World",
    "build_world",
    "draw_corpus",
    "lexicon_score",
    "segment",
    "simulate",
    "text_strength",
]
