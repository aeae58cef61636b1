"""The trainer gives what TRL's own gives: tokens, log-probabilities, advantages, loss and gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from trl import GRPOTrainer

from plural_core.study import Study
from plural_core.training import group_trainer
from plural_core.training.group_trainer import GroupTrainer, stop_ids
from plural_core.training.grpo_settings import grpo_config
from plural_core.training.load import LoadedModel
from plural_core.training.lora import borrowed
from plural_core.training.prompt_order import Length
from tests.training.grpo_material import Material, make_material, short_answers

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # the libraries warn each other of new names


@pytest.fixture(scope="module")
def loaded(tiny_loaded: LoadedModel, tiny_study: Study) -> LoadedModel:
    return short_answers(tiny_loaded, tiny_study)


@contextmanager
def trainer_of(material: Material, folder: Path, updates: int = 2) -> Iterator[GroupTrainer]:
    """Give a trainer whose adapter is away from the base model."""
    length = Length(updates, updates * material.training.grpo.prompts_per_step)
    dimensions = len(material.rewards.dimensions)
    args = grpo_config(material.training, material.loaded, dimensions, 1, updates, folder)
    prompts = list(material.texts.drop_duplicates("prompt_id")["prompt"])
    with borrowed(material.loaded.model):
        trainer = GroupTrainer(material.loaded, prompts, material.rewards, material.training, length, args)
        generator = torch.Generator().manual_seed(5)
        for name, parameter in sorted(trainer.model.named_parameters()):
            if "lora_" in name:
                parameter.data = torch.randn(parameter.shape, generator=generator) * 0.1
        trainer.model.train()
        yield trainer


def sampled(trainer: GroupTrainer) -> dict[str, Any]:
    """Return the first sampled batch."""
    torch.manual_seed(0)
    rows = list(trainer._get_train_sampler())[: trainer.args.generation_batch_size]
    return trainer._generate_and_score_completions([trainer.train_dataset[row] for row in rows])


def gradient(trainer: GroupTrainer) -> dict[str, torch.Tensor]:
    return {n: p.grad.clone() for n, p in trainer.model.named_parameters() if p.grad is not None}


def test_prompts_have_the_tokens_of_the_chat_format(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded)
    prompts = list(material.texts["prompt"])
    with trainer_of(material, tmp_path) as trainer:
        ours, _, _ = trainer._tokenize_prompts(prompts)
        theirs, _, _ = GRPOTrainer._tokenize_prompts(trainer, [[{"role": "user", "content": p}] for p in prompts])
        long = "word " * 500
        cut, _, _ = trainer._tokenize_prompts([long])
        batch = sampled(trainer)
    assert ours == [loaded.chat.prompt_ids(p) for p in prompts]
    assert ours == theirs
    assert cut == [loaded.chat.prompt_ids(long)]
    assert len(cut[0]) < loaded.chat.max_length
    known = {tuple(ids) for ids in ours}
    for ids, mask in zip(batch["prompt_ids"], batch["prompt_mask"], strict=True):
        assert tuple(ids[mask.bool()].tolist()) in known


def test_log_probabilities_are_those_of_trl(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded, temperature=0.7)
    with trainer_of(material, tmp_path) as trainer:
        batch = sampled(trainer)
        ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
        mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
        keep = batch["completion_ids"].shape[1]
        answered = batch["completion_mask"].bool()
        theirs, entropy, _ = GRPOTrainer._get_per_token_logps_and_entropies(
            trainer, trainer.model, ids, mask, keep, compute_entropy=True
        )
        ours, own_entropy, _ = trainer._get_per_token_logps_and_entropies(
            trainer.model, ids, mask, keep, compute_entropy=True
        )
        with torch.no_grad():
            parts, _, _ = trainer._get_per_token_logps_and_entropies(trainer.model, ids, mask, keep)
    for found, expected in ((ours, theirs), (parts, theirs), (own_entropy, entropy)):
        torch.testing.assert_close(found[answered], expected[answered], rtol=1e-4, atol=1e-4)
    assert len({int(n) for n in answered.sum(1)}) > 2


@pytest.mark.parametrize("micro_batch", [1, 5])
@pytest.mark.parametrize("loss_type", ["grpo", "bnpo", "dr_grpo", "dapo"])
def test_loss_and_gradient_of_the_parts_are_those_of_trl_on_the_whole(
    loaded: LoadedModel, tmp_path: Path, loss_type: str, micro_batch: int
) -> None:
    material = make_material(loaded, loss_type=loss_type, micro_batch=micro_batch, beta=0.3)
    with trainer_of(material, tmp_path) as trainer:
        trainer.current_gradient_accumulation_steps = 1
        batch = sampled(trainer)
        trainer.model.zero_grad()
        whole = GRPOTrainer._compute_loss(trainer, trainer.model, batch)
        whole.backward()
        expected = gradient(trainer)
        loss = trainer._accumulate(trainer.model, batch, micro_batch)
        found = gradient(trainer)
    assert float(loss) == pytest.approx(float(whole.detach()), abs=1e-6)
    assert found.keys() == expected.keys() and len(found) > 0
    assert any(float(g.abs().max()) > 1e-4 for g in expected.values())
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("aggregation", ["sum_then_normalize", "normalize_then_sum"])
def test_several_dimensions_count_equally(loaded: LoadedModel, tmp_path: Path, aggregation: str) -> None:
    material = make_material(loaded, aggregation=aggregation)
    with trainer_of(material, tmp_path) as trainer:
        batch = sampled(trainer)
        rewards = torch.tensor([list(trainer._logs["rewards"][name]) for name in ("care", "calm")]).T
    assert rewards.shape == (12, 2) and bool((rewards.std(0) > 0).all())
    grouped = rewards.reshape(3, 4, 2)
    if aggregation == "sum_then_normalize":
        total = grouped.sum(-1)
        expected = (total - total.mean(1, keepdim=True)) / (total.std(1, keepdim=True) + 1e-4)
    else:
        scaled = (grouped - grouped.mean(1, keepdim=True)) / (grouped.std(1, keepdim=True) + 1e-4)
        total = scaled.sum(-1)
        expected = (total - total.mean()) / (total.std() + 1e-4)
    torch.testing.assert_close(batch["advantages"], expected.flatten(), rtol=1e-4, atol=1e-4)


def test_rewards_are_the_models_and_answers_without_an_end_get_none(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded)
    with trainer_of(material, tmp_path) as trainer:
        batch = sampled(trainer)
        texts = list(trainer._logs["completion"])
        rewards = torch.tensor(list(trainer._logs["rewards"]["care"]))
    stops = torch.tensor(sorted(stop_ids(loaded)))
    last = batch["completion_mask"].sum(1) - 1
    ended = torch.isin(batch["completion_ids"].gather(1, last.unsqueeze(1)).squeeze(1), stops)
    assert 0 < int(ended.sum()) < len(ended)
    assert bool((rewards[~ended] == 0).all())
    scored = ended & torch.tensor([any(letter.isalnum() for letter in text) for text in texts])
    expected = material.rewards.score(texts)[:, 0]
    torch.testing.assert_close(rewards[scored], torch.tensor(expected)[scored].float())


def test_a_cache_that_loses_no_rows_is_left_to_transformers(
    loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_trainer, "can_sample", lambda model: False)
    with trainer_of(make_material(loaded), tmp_path) as trainer:
        batch = sampled(trainer)
    stops = stop_ids(loaded)
    for ids, mask in zip(batch["completion_ids"], batch["completion_mask"], strict=True):
        answer = ids[mask.bool()].tolist()
        assert 1 <= len(answer) <= 16
        assert all(token not in stops for token in answer[:-1])


def test_when_memory_runs_out_the_parts_get_smaller_and_the_update_stays(
    loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plain = GroupTrainer.compute_loss
    sizes: list[int] = []

    def hungry(self: GroupTrainer, model: Any, part: Any, *more: Any, **further: Any) -> Any:
        sizes.append(len(part["advantages"]))
        if sizes[-1] > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plain(self, model, part, *more, **further)

    adapters = []
    for patched in (False, True):
        if patched:
            monkeypatch.setattr(GroupTrainer, "compute_loss", hungry)
        material = make_material(loaded, micro_batch=12)
        with trainer_of(material, tmp_path / str(patched)) as trainer, caplog.at_level("WARNING"):
            trainer.train()
            adapters.append({n: p.detach().clone() for n, p in trainer.model.named_parameters() if "lora_" in n})
    assert trainer.micro_batch == 3
    assert sizes[:3] == [12, 6, 3] and max(sizes[3:]) == 3
    assert "3 answers per forward pass" in caplog.text
    for name, value in adapters[0].items():
        torch.testing.assert_close(adapters[1][name], value, rtol=1e-3, atol=1e-4)
