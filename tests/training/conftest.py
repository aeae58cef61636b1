"""A study with a very small base model, trained once for all tests of this folder."""

from __future__ import annotations

import pytest

from plural_core.study import Study
from plural_core.training.load import LoadedModel
from tests.tiny_models import make_tiny_loaded, make_tiny_study


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The tiny study in a folder of its own; its base model is trained by `tiny_loaded`."""
    return make_tiny_study(tmp_path_factory.mktemp("tiny_models"))


@pytest.fixture(scope="session")
def tiny_loaded(tiny_study: Study) -> LoadedModel:
    """The study's tiny Llama, freshly loaded; do not change it in place (copy.deepcopy the model, or wrap a copy)."""
    return make_tiny_loaded(tiny_study)
