"""Who rates what."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plural_core.errors import ConfigError
from plural_core.simulation.design import _fill, assign, prompts_for, raters_per_item
from plural_core.simulation.streams import stream


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 40), st.integers(1, 6), st.integers(1, 60), st.integers(0, 99))
def test_design_is_valid_whenever_it_exists(participants, per, items, seed):
    rng = stream(seed, "design")
    if per > items:
        with pytest.raises(ConfigError):
            assign(participants, per, items, rng)
        return
    places = assign(participants, per, items, rng)
    assert places.shape == (participants, per)
    assert all(len(set(row)) == per for row in places.tolist())
    counts = np.bincount(places.ravel(), minlength=items)
    if participants * per >= 2 * items:
        assert counts.min() >= 2
    else:
        assert counts.max() - counts.min() <= 1


def test_everybody_rates_everything():
    places = assign(7, 6, 6, stream(1, "design"))
    assert (np.sort(places, axis=1) == np.arange(6)).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_fallback_gives_the_numbers_of_raters_asked_for(seed):
    rng = stream(seed, "fill")
    counts = raters_per_item(9, 5, 6, rng)
    places = _fill(counts, 9, 5, rng)
    assert (np.bincount(places.ravel(), minlength=6) == counts).all()
    assert all(len(set(row)) == 5 for row in places.tolist())


def test_number_of_prompts_follows_the_paper():
    assert prompts_for(5475, 3) == 587
    assert prompts_for(300, 3) == 32


def test_order_within_a_participant_is_random():
    places = assign(500, 5, 300, stream(3, "design"))
    first_is_smallest = (places[:, 0] == places.min(axis=1)).mean()
    assert first_is_smallest == pytest.approx(0.2, abs=0.06)


def test_streams_are_independent_of_each_other_and_repeat():
    assert stream(1, "a").random() == stream(1, "a").random()
    numbers = {stream(seed, *names).random() for seed in (0, 1) for names in (("a",), ("b",), ("a", "b"), ("a/b", "c"))}
    assert len(numbers) == 8
