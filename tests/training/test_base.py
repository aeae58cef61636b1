"""Base models: trained once, found again, accepted or refused."""

from __future__ import annotations

from plural_core.training.load import LoadedModel


def test_the_tiny_model_is_there(tiny_loaded: LoadedModel) -> None:
    assert tiny_loaded.n_parameters == sum(p.numel() for p in tiny_loaded.model.parameters())
    assert not tiny_loaded.model.training
