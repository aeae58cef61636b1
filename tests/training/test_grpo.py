"""GRPO: rewards rise, the same adapter after a kill, tokens as counted, and faults in one line."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import TrainerCallback

from plural_core.preferences.condition import Budget
from plural_core.study import Study
from plural_core.study.training_config import LoraConfig
from plural_core.training import group_trainer, lora
from plural_core.training.callbacks import read_metrics
from plural_core.training.group_trainer import GroupTrainer
from plural_core.training.grpo import train_grpo
from plural_core.training.load import LoadedModel
from plural_core.training.lora import ADAPTER_FILE
from plural_core.training.sampling import sample
from plural_core.training.trained import TrainingError
from tests.training.grpo_material import make_material, short_answers


@pytest.fixture(scope="module")
def loaded(tiny_loaded: LoadedModel, tiny_study: Study) -> LoadedModel:
    return short_answers(tiny_loaded, tiny_study)


@pytest.fixture(autouse=True)
def base_model_stays(loaded: LoadedModel) -> Iterator[None]:
    """Whatever a test does, the base model is the same afterwards, to the last bit, and has no adapter."""
    before = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    settings = loaded.model.generation_config.to_dict()
    yield
    after = loaded.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert loaded.model.generation_config.to_dict() == settings
    assert not loaded.model.training
    assert "forward" not in vars(loaded.model)


def weights(folder: Path) -> bytes:
    return (folder / "adapter" / ADAPTER_FILE).read_bytes()


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Return the metrics without the seconds."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read_metrics(folder / "metrics.jsonl")]


class StopAfter(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step >= self.step:
            raise KeyboardInterrupt


class Watch(TrainerCallback):
    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.steps.append(state.global_step)


# --- a fine-tune ----------------------------------------------------------------------------------------------------


def test_what_a_fine_tune_leaves_behind(loaded: LoadedModel, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    done = make_material(loaded).run(tmp_path / "run", Budget("steps", 12))
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["adapter", "metrics.jsonl", "rewards.json"]
    assert sorted(path.name for path in done.adapter.iterdir()) == ["adapter_config.json", ADAPTER_FILE]
    rows = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(1, 13))
    named = {"loss", "lr", "grad_norm", "reward", "reward_sd", "kl", "length", "cut", "tokens", "seconds"}
    assert named | {"reward_care", "reward_sd_care", "reward_calm", "reward_sd_calm"} <= set(rows[0])
    for row in rows:
        assert row["reward"] == pytest.approx(row["reward_care"] + row["reward_calm"], abs=1e-5)
    assert rows[0]["kl"] == pytest.approx(0.0, abs=1e-6) and rows[-1]["kl"] > 0
    last = pd.DataFrame(rows[-10:])
    assert done.metrics == pytest.approx(
        {k: last[k].mean() for k in ("loss", "reward", "reward_care", "reward_calm", "kl")}
    )
    assert (done.steps, done.tokens) == (12, rows[-1]["tokens"])
    assert done.seconds > 0
    record = json.loads((tmp_path / "run" / "rewards.json").read_text(encoding="utf-8"))
    assert [fit["dimension"] for fit in record] == ["care", "calm"]
    assert capsys.readouterr().out == ""


def test_rewards_rise(loaded: LoadedModel, tmp_path: Path) -> None:
    """Raters like words in 'th': the model learns to end its answers, and to use more of such words."""
    settings = {"prompts_per_step": 16, "num_generations": 8, "micro_batch": 64, "max_new_tokens": 10}
    material = make_material(loaded, n=60, dimensions=("care",), learning_rate=2e-2, warmup=0.1, beta=0.0, **settings)
    good = (material.labels["reward"] > 0.5).to_numpy()
    liked, other = ["the", "this", "that", "they", "then"], ["is", "it", "men", "my", "on"]
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(liked if g else other, int(rng.integers(3, 9)))) for g in good]
    material = replace(material, texts=material.texts.assign(response=texts), rewards=None)
    material.run(tmp_path / "run", Budget("steps", 20))
    rows = pd.DataFrame(rows_of(tmp_path / "run"))
    before, after = rows.iloc[:2].mean(), rows.iloc[-5:].mean()
    assert after["cut"] < before["cut"] - 0.2
    assert after["reward"] > before["reward"] + 0.15
    assert after["reward"] / (1 - after["cut"]) > before["reward"] / (1 - before["cut"]) + 0.05


def test_tokens_are_prompts_and_answers_without_padding(
    loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []

    def counting(model: Any, prompts: list[list[int]], copies: int, **settings: Any) -> list[list[int]]:
        answers = sample(model, prompts, copies, **settings)
        counted.append(copies * sum(map(len, prompts)) + sum(map(len, answers)))
        return answers

    monkeypatch.setattr(group_trainer, "sample", counting)
    for iterations in (1, 2):
        counted.clear()
        folder = tmp_path / str(iterations)
        done = make_material(loaded, num_iterations=iterations).run(folder, Budget("steps", 4))
        assert len(counted) == 4 // iterations
        assert done.tokens == iterations * sum(counted)
        assert [row["tokens"] for row in rows_of(folder)] == list(np.cumsum(np.repeat(counted, iterations)))


def test_same_seed_same_adapter(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.rand(3)  # what was drawn before does not matter
        material.run(tmp_path / name, Budget("steps", 3), seed)
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert rows_of(tmp_path / "a") == rows_of(tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "c")


def test_rewards_are_fitted_where_none_are_given(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded)
    material.run(tmp_path / "a", Budget("steps", 2))
    replace(material, rewards=None).run(tmp_path / "b", Budget("steps", 2))
    assert weights(tmp_path / "a") == weights(tmp_path / "b")


def test_passes(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded, n=20, prompts_per_step=4)  # ten prompts
    done = material.run(tmp_path / "run", Budget("passes", 1))
    assert done.steps == 3
    prompts = material.texts.drop_duplicates("prompt_id")["prompt"]
    asked = 4 * sum(len(loaded.chat.prompt_ids(prompt)) for prompt in prompts)
    length = [row["length"] * n for row, n in zip(rows_of(tmp_path / "run"), (16, 16, 8), strict=True)]
    assert done.tokens == asked + round(sum(length))


def test_tokens_end_a_fine_tune(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded, warmup=0.2)
    done = material.run(tmp_path / "run", Budget("tokens", like="other"), max_tokens=1500)
    rows = rows_of(tmp_path / "run")
    assert done.tokens >= 1500 > rows[-2]["tokens"]
    assert done.steps == len(rows) > 3
    before = [0.0, *(row["tokens"] for row in rows[:-1])]
    expected = [5e-3 * min(seen / 300, (1500 - seen) / 1200) for seen in before]
    assert [row["lr"] for row in rows] == pytest.approx(expected)
    with pytest.raises(TrainingError, match="needs the number of tokens"):
        material.run(tmp_path / "other", Budget("tokens", like="other"))


def test_dropout_of_the_adapter_is_as_configured(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded)
    material.run(tmp_path / "none", Budget("steps", 2))
    noisy = material.training.model_copy(update={"lora": LoraConfig(dropout=0.5)})
    replace(material, training=noisy).run(tmp_path / "half", Budget("steps", 2))
    assert weights(tmp_path / "none") != weights(tmp_path / "half")


def test_gradient_checkpointing_changes_nothing(
    loaded: LoadedModel, tiny_loaded: LoadedModel, tiny_study: Study, tmp_path: Path
) -> None:
    make_material(loaded).run(tmp_path / "plain", Budget("steps", 2))
    other = short_answers(tiny_loaded, tiny_study)
    other.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    make_material(other).run(tmp_path / "checkpointed", Budget("steps", 2))
    assert weights(tmp_path / "plain") == weights(tmp_path / "checkpointed")


def test_lower_precision(tiny_loaded: LoadedModel, tiny_study: Study, tmp_path: Path) -> None:
    half = short_answers(tiny_loaded, tiny_study)
    half.model.to(torch.bfloat16)
    before = {name: value.clone() for name, value in half.model.state_dict().items()}
    make_material(half).run(tmp_path / "run", Budget("steps", 3))
    after = half.model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    rows = rows_of(tmp_path / "run")
    assert all(np.isfinite(row["loss"]) and np.isfinite(row["grad_norm"]) for row in rows)
    assert rows[-1]["kl"] > 0


# --- kills and faults -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "settings"),
    [
        (Budget("passes", 2), {}),  # 14 updates
        (Budget("steps", 14), {"num_iterations": 2}),
        (Budget("tokens", like="other"), {"schedule": "cosine", "warmup": 0.2}),
    ],
    ids=["passes", "iterations", "tokens"],
)
def test_a_killed_run_ends_with_the_same_adapter(
    loaded: LoadedModel, tmp_path: Path, budget: Budget, settings: dict[str, Any]
) -> None:
    material = make_material(loaded, save_steps=3, **settings)
    further = {"max_tokens": 3000} if budget.kind == "tokens" else {}
    whole = material.run(tmp_path / "whole", budget, **further)
    assert whole.steps > 8
    killed = tmp_path / "killed"
    for after in (5, 7):  # two sittings, each killed between checkpoints
        with pytest.raises(KeyboardInterrupt):
            material.run(killed, budget, callbacks=(StopAfter(after),), **further)
    last = 4 if "num_iterations" in settings else 6  # between two sampled batches
    assert [path.name for path in (killed / "checkpoints").glob("checkpoint-*")] == [f"checkpoint-{last}"]
    assert not (killed / "adapter").exists()
    watch = Watch()
    done = material.run(killed, budget, callbacks=(watch,), **further)
    assert watch.steps == list(range(last + 1, whole.steps + 1))  # it did go on, and did not start again
    assert weights(killed) == weights(tmp_path / "whole")
    assert rows_of(killed) == rows_of(tmp_path / "whole")
    assert (done.steps, done.tokens, done.metrics) == (whole.steps, whole.tokens, whole.metrics)
    assert not (killed / "checkpoints").exists()


def test_checkpoints_of_other_settings_or_data_are_not_used(loaded: LoadedModel, tmp_path: Path) -> None:
    first = make_material(loaded, save_steps=2)
    others = [
        replace(first, training=make_material(loaded, save_steps=2, beta=0.5).training),
        make_material(loaded, save_steps=2, n=44),
    ]
    for number, other in enumerate(others):
        folder = tmp_path / str(number)
        with pytest.raises(KeyboardInterrupt):
            first.run(folder, Budget("steps", 4), callbacks=(StopAfter(3),))
        watch = Watch()
        other.run(folder, Budget("steps", 4), callbacks=(watch,))
        assert watch.steps == [1, 2, 3, 4]


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_what_is_no_number_stops_and_keeps_the_last_good_checkpoint(
    loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    material = make_material(loaded, save_steps=2)
    material.run(tmp_path / "whole", Budget("steps", 6))
    plain = GroupTrainer.compute_loss

    def broken(self: GroupTrainer, *args: Any, **more: Any) -> torch.Tensor:
        loss = plain(self, *args, **more)
        if self.state.global_step < 4:
            return loss
        # A square root at 0 has the value 0 and a gradient that is no number.
        return loss * float("nan") if what == "loss" else loss + (loss - loss).abs().sqrt()

    with monkeypatch.context() as patch, pytest.raises(TrainingError, match=f"update 5: the {what} is no") as raised:
        patch.setattr(GroupTrainer, "compute_loss", broken)
        material.run(tmp_path / "run", Budget("steps", 6))
    assert "\n" not in str(raised.value) and "training.grpo.learning_rate" in str(raised.value)
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-4").is_dir()
    assert not (tmp_path / "run" / "adapter").exists()
    material.run(tmp_path / "run", Budget("steps", 6))
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")


def test_probabilities_that_are_no_numbers_stop_it(
    loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = lora.lora_config

    def broken(self: GroupTrainer, *args: Any, **more: Any) -> Any:
        for name, parameter in self.model.named_parameters():
            if "lora_B" in name:
                parameter.data.fill_(float("nan"))
        return step(self, *args, **more)

    step = GroupTrainer.training_step
    monkeypatch.setattr(GroupTrainer, "training_step", broken)
    with pytest.raises(TrainingError, match="no answers can be sampled"):
        make_material(loaded).run(tmp_path / "run", Budget("steps", 2))
    assert plain is lora.lora_config


def test_memory_for_not_even_one_answer(loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: GroupTrainer, *args: Any, **more: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(GroupTrainer, "compute_loss", full)
    with pytest.raises(TrainingError, match="one answer does not fit into the GPU's memory"):
        make_material(loaded).run(tmp_path / "run", Budget("steps", 2))


def test_a_full_disk(loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("plural_core.training.adapter_checkpoints.save_adapter", full)
    with pytest.raises(TrainingError, match="the disk is full"):
        make_material(loaded, save_steps=1).run(tmp_path / "run", Budget("steps", 3))
    assert not list((tmp_path / "run" / "checkpoints").glob("checkpoint-*"))


def test_nothing_to_learn_from(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded)
    flat = replace(material, labels=material.labels.assign(reward=0.5), rewards=None)
    with pytest.raises(TrainingError, match="all rated texts have the same reward"):
        flat.run(tmp_path / "run")


def test_prompts_that_are_not_for_training(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded)
    prompts = material.prompts.assign(split=np.where(material.prompts["prompt_id"] == "q003", "test", "train"))
    for rewards in (None, material.rewards):  # a fitted reward model is checked too
        with pytest.raises(TrainingError, match="not for training"):
            train_grpo(
                loaded, material.labels, material.texts, prompts, material.training, Budget("steps", 2), 1,
                tmp_path / "run", rewards=rewards,
            )  # fmt: skip


def test_nobody_is_told(loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("telemetry")

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr("trl.trainer.base_trainer.send_telemetry", refuse)
    make_material(loaded).run(tmp_path / "run", Budget("steps", 1))
