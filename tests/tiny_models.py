"""A study with a very small base model, for the tests of training and evaluation: trained once per session.

Its answers are no sentences; the bars for answers are off. What is tested with it is how models are handled.
"""

from __future__ import annotations

from pathlib import Path

from plural_core.study import Study, load_study
from plural_core.training.base import ensure_base
from plural_core.training.load import LoadedModel, load_base

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "tiny.yaml"
SETTINGS = (
    "models.families=[llama]",
    "models.check_answers=false",
    "models.tiny.hidden=32",
    "models.tiny.layers=2",
    "models.tiny.heads=2",
    "models.tiny.vocabulary=500",
    "models.tiny.texts=300",
    "models.tiny.batch=32",
    "models.tiny.steps=30",
    "models.tiny.learning_rate=0.01",
    "models.tiny.attempts=1",
    "simulation.test_prompts=20",
    "simulation.acceptance_prompts=8",
    "training.device=cpu",
    "training.threads=1",
)


def make_tiny_study(folder: Path, *settings: str) -> Study:
    """Return a study whose results stand below a folder; nothing is trained yet."""
    return load_study(CONFIG, [*SETTINGS, *settings], results=folder)


def make_tiny_loaded(study: Study, family: str = "llama") -> LoadedModel:
    """Train a base model of the study where it is not there yet, and load it."""
    ensure_base(study, family)
    return load_base(study, family)
