"""Reference log-probabilities: right, computed once, and never those of another model or text."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from plural_core.io import read_table
from plural_core.training import reference as module
from plural_core.training.groups import Text
from plural_core.training.load import LoadedModel
from plural_core.training.reference import reference_log_probs
from plural_core.training.scoring import log_probs
from plural_core.training.sequences import Packed
from plural_core.training.trained import TrainingError
from tests.training.pairs_material import make_texts, naive_log_probs


@pytest.fixture
def texts() -> list[Text]:
    frame = make_texts(6)
    return list(zip(frame["prompt"], frame["response"], strict=True))


def test_values(tiny_loaded: LoadedModel, texts: list[Text]) -> None:
    made = reference_log_probs(tiny_loaded, texts)
    sequences = [made.encoded[text] for text in texts]
    expected = naive_log_probs(tiny_loaded.model, sequences)
    np.testing.assert_allclose(made.of(sequences), expected, rtol=1e-5, atol=1e-4)
    for (prompt, response), sequence in zip(texts, sequences, strict=True):
        assert list(sequence.prompt) == tiny_loaded.chat.prompt_ids(prompt)
        assert list(sequence.response) == tiny_loaded.chat.response_ids(response)
        assert sequence.response[-1] == tiny_loaded.chat.end_id
    assert made.computed == 18
    assert made.shared


def test_only_what_is_missing_is_computed(tiny_loaded: LoadedModel, texts: list[Text], tmp_path: Path) -> None:
    path = tmp_path / "reference.parquet"
    first = reference_log_probs(tiny_loaded, texts[:10], path)
    assert first.computed == 10
    second = reference_log_probs(tiny_loaded, texts + texts, path)
    assert second.computed == 8
    third = reference_log_probs(tiny_loaded, texts[3:5], path)
    assert third.computed == 0
    table = read_table(path)
    assert list(table.columns) == ["sequence", "fingerprint", "n_tokens", "log_prob"]
    assert len(table) == table["sequence"].nunique() == 18
    for text in texts[3:5]:
        key = first.encoded[text].key
        assert first.values[key] == second.values[key] == third.values[key]  # to the last bit


def test_another_model_or_another_text_is_another_value(
    tiny_loaded: LoadedModel, texts: list[Text], tmp_path: Path
) -> None:
    path = tmp_path / "reference.parquet"
    reference_log_probs(tiny_loaded, texts, path)
    assert reference_log_probs(tiny_loaded, [(texts[0][0], texts[0][1] + " again")], path).computed == 1
    assert reference_log_probs(tiny_loaded, [(texts[0][0] + "?", texts[0][1])], path).computed == 1
    other = dataclasses.replace(tiny_loaded, fingerprint="other")
    assert reference_log_probs(other, texts, path).computed == 18
    assert set(read_table(path)["fingerprint"]) == {"other"}


def test_another_chat_format_is_another_value(tiny_loaded: LoadedModel, texts: list[Text], tmp_path: Path) -> None:
    path = tmp_path / "reference.parquet"
    reference_log_probs(tiny_loaded, texts, path)
    tokenizer = copy.deepcopy(tiny_loaded.tokenizer)
    tokenizer.chat_template = None
    chat = dataclasses.replace(tiny_loaded.chat, tokenizer=tokenizer)
    assert reference_log_probs(dataclasses.replace(tiny_loaded, chat=chat), texts, path).computed == 18


def test_a_damaged_table_is_made_again(tiny_loaded: LoadedModel, texts: list[Text], tmp_path: Path) -> None:
    path = tmp_path / "reference.parquet"
    path.write_bytes(b"half a table")
    assert reference_log_probs(tiny_loaded, texts, path).computed == 18
    pd.DataFrame({"a": [1]}).to_parquet(path)
    assert reference_log_probs(tiny_loaded, texts, path).computed == 18
    assert reference_log_probs(tiny_loaded, texts, path).computed == 0


def test_batches_of_like_length_within_the_limits(
    tiny_loaded: LoadedModel, texts: list[Text], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = reference_log_probs(tiny_loaded, texts).values
    shapes: list[tuple[int, int]] = []

    def seen(model: torch.nn.Module, packed: Packed, fused: bool) -> torch.Tensor:
        shapes.append((packed.input_ids.shape[0], packed.input_ids.shape[1]))
        return log_probs(model, packed, fused)

    monkeypatch.setattr(module, "log_probs", seen)
    monkeypatch.setitem(module.BATCH_POSITIONS, "cpu", 150)
    found = reference_log_probs(tiny_loaded, texts).values
    assert len(shapes) > 2
    assert all(rows * width <= 150 or rows == 1 for rows, width in shapes)
    assert [width for _, width in shapes] == sorted(width for _, width in shapes)
    monkeypatch.setattr(module, "BATCH_LOGITS", 1)
    shapes.clear()
    reference_log_probs(tiny_loaded, texts)
    assert {rows for rows, _ in shapes} == {1}
    np.testing.assert_allclose(list(found.values()), list(expected.values()), rtol=1e-5, atol=1e-4)


def test_memory_that_runs_out_halves_the_batch(
    tiny_loaded: LoadedModel, texts: list[Text], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = reference_log_probs(tiny_loaded, texts).values
    most = 2

    def small(model: torch.nn.Module, packed: Packed, fused: bool) -> torch.Tensor:
        if packed.input_ids.shape[0] > most:
            raise torch.OutOfMemoryError("too much")
        return log_probs(model, packed, fused)

    monkeypatch.setattr(module, "log_probs", small)
    found = reference_log_probs(tiny_loaded, texts).values
    np.testing.assert_allclose(list(found.values()), list(expected.values()), rtol=1e-5, atol=1e-4)
    most = 0
    with pytest.raises(TrainingError, match="one response does not fit"):
        reference_log_probs(tiny_loaded, texts)


def test_with_the_fused_head_that_a_gpu_gets(
    tiny_loaded: LoadedModel, texts: list[Text], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = reference_log_probs(tiny_loaded, texts).values
    asked: list[bool] = []

    def seen(model: torch.nn.Module, packed: Packed, fused: bool) -> torch.Tensor:
        asked.append(fused)
        return log_probs(model, packed, fused)

    monkeypatch.setattr(module, "log_probs", seen)
    elsewhere = dataclasses.replace(tiny_loaded, device="cuda")  # what it is called; the tensors stay where they are
    found = reference_log_probs(elsewhere, texts).values
    assert asked == [True]
    np.testing.assert_allclose(list(found.values()), list(expected.values()), rtol=1e-5, atol=1e-4)
    assert "forward" not in vars(tiny_loaded.model)


def test_a_damaged_model_is_found_out(tiny_loaded: LoadedModel, texts: list[Text], tmp_path: Path) -> None:
    model = copy.deepcopy(tiny_loaded.model)
    next(model.parameters()).data.fill_(float("nan"))
    with pytest.raises(TrainingError, match="18 responses have no finite log-probability"):
        reference_log_probs(dataclasses.replace(tiny_loaded, model=model), texts, tmp_path / "reference.parquet")
    assert not (tmp_path / "reference.parquet").exists()
