"""DPO: the loss of plain TRL on all comparisons, the same adapter after a kill, and faults in one line."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import peft
import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback
from trl import DPOConfig, DPOTrainer

from plural_core.preferences.condition import Budget
from plural_core.study import Study
from plural_core.study.training_config import LoraConfig
from plural_core.training import adapter_checkpoints, lora, pair_trainer
from plural_core.training.batches import plan_updates
from plural_core.training.callbacks import read_metrics
from plural_core.training.checkpoints import last_checkpoint, step_of
from plural_core.training.dpo import train_dpo
from plural_core.training.groups import pair_set
from plural_core.training.load import LoadedModel
from plural_core.training.lora import ADAPTER_FILE, borrowed, lora_config
from plural_core.training.pair_trainer import DPOData, PairTrainer, dpo_config
from plural_core.training.reference import reference_log_probs
from plural_core.training.scoring import log_probs
from plural_core.training.sequences import Packed, pack, rows_of
from plural_core.training.trained import Trained, TrainingError
from tests.training.pairs_material import (
    Material,
    make_anchored,
    make_material,
    make_texts,
    private_copy,
    unmerged,
)

ONE_PASS = Budget("passes", 1)


@pytest.fixture(scope="module")
def loaded(tiny_loaded: LoadedModel, tiny_study: Study) -> LoadedModel:
    return private_copy(tiny_loaded, tiny_study)


@pytest.fixture(autouse=True)
def base_weights_stay(loaded: LoadedModel) -> Iterator[None]:
    """Whatever a test does, the base model has the same weights to the last bit afterwards, and no adapter."""
    before = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    yield
    after = loaded.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert not loaded.model.training
    assert "forward" not in vars(loaded.model)


def run(material: Material, folder: Path, seed: int = 1, budget: Budget = ONE_PASS, **further: Any) -> Trained:
    return train_dpo(
        material.loaded,
        material.pairs,
        material.texts,
        material.reference,
        material.training,
        budget,
        seed,
        folder,
        **further,
    )


def weights(folder: Path) -> bytes:
    return (folder / "adapter" / ADAPTER_FILE).read_bytes()


class StopAfter(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step >= self.step:
            raise KeyboardInterrupt


# --- the loss -------------------------------------------------------------------------------------------------------


def lora_gradient(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {
        n.replace("base_model.model.", ""): p.grad.clone() for n, p in model.named_parameters() if p.grad is not None
    }


def seeded_adapter(model: torch.nn.Module) -> None:
    """Give the adapter the same weights in every trainer, away from the base model."""
    generator = torch.Generator().manual_seed(5)
    for name, parameter in sorted(model.named_parameters()):
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.1


@pytest.mark.parametrize(("micro_batch", "fused"), [(None, False), (2, False), (None, True)])
def test_full_batch_loss_and_gradient_are_those_of_trl_on_all_comparisons(
    loaded: LoadedModel, tmp_path: Path, micro_batch: int | None, fused: bool
) -> None:
    material = make_material(loaded, n=4, batch=1000, micro_batch=micro_batch)
    prompt = {i: loaded.tokenizer.decode(loaded.chat.prompt_ids(p)) for i, p in zip(
        material.texts["item_id"], material.texts["prompt"], strict=True)}  # fmt: skip
    response = dict(zip(material.texts["item_id"], material.texts["response"], strict=True))
    comparisons = unmerged(material.pairs)
    assert len(comparisons) > 2 * len(material.pairs)
    rows = [{"prompt": prompt[a], "chosen": response[a], "rejected": response[b]} for a, b in comparisons]
    with borrowed(loaded.model):
        plain = DPOTrainer(
            model=loaded.model,
            args=DPOConfig(str(tmp_path / "trl"), beta=0.1, use_cpu=True, bf16=False, gradient_checkpointing=False,
                           report_to="none", disable_tqdm=True, max_length=None),
            train_dataset=datasets.Dataset.from_list(rows),
            processing_class=loaded.tokenizer,
            peft_config=lora_config(LoraConfig()),
        )  # fmt: skip
        seeded_adapter(plain.model)
        # TRL and this project must see the same tokens, or their losses could not agree.
        own = {(s.prompt, s.response) for s in material.reference.encoded.values()}
        theirs = plain.train_dataset
        assert {(tuple(r["prompt_ids"]), tuple(r["chosen_ids"])) for r in theirs} <= own
        loss = plain.compute_loss(plain.model, plain.data_collator(list(theirs)))
        loss.backward()
        expected = lora_gradient(plain.model)
    with borrowed(loaded.model):
        pairs = pair_set(material.pairs, material.texts, material.reference.encoded)
        plan = plan_updates(pairs, ONE_PASS, 1000, 1)
        assert len(plan.updates) == 1
        data = DPOData(pairs, material.reference.of(pairs.sequences), plan, shared=True)
        config = dpo_config(material.training, loaded, 1, 1, tmp_path / "own")
        ours = PairTrainer(loaded, data, material.training, config)
        seeded_adapter(ours.tuned)
        assert not ours.fused  # it is for GPUs
        ours.fused = fused
        found = ours.training_step(ours.tuned, {"update": torch.tensor([0])})
        gradient = lora_gradient(ours.tuned)
    loss = loss.detach()
    assert abs(float(loss) - np.log(2)) > 0.01  # away from the start, where every loss is log 2
    assert float(found) == pytest.approx(float(loss), rel=1e-5)
    assert gradient.keys() == expected.keys()
    assert len(gradient) == 28  # two layers of seven, A and B
    scale = max(float(g.abs().max()) for g in expected.values())
    assert scale > 1e-3
    for name, value in expected.items():
        torch.testing.assert_close(gradient[name], value, rtol=1e-3, atol=1e-5 * scale)


def test_without_weights_and_shares_it_would_be_another_loss(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded, n=6)
    run(material, tmp_path / "a")
    material.pairs["share"] = 1.0
    run(material, tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "b")


# --- a fine-tune ----------------------------------------------------------------------------------------------------


def test_what_a_fine_tune_leaves_behind(loaded: LoadedModel, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    material = make_material(loaded, learning_rate=1e-2)
    material.pairs["share"] = 1.0
    done = run(material, tmp_path / "run", budget=Budget("passes", 8))
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["adapter", "metrics.jsonl"]
    assert sorted(path.name for path in done.adapter.iterdir()) == ["adapter_config.json", ADAPTER_FILE]
    rows = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(1, 49))
    assert list(rows[0]) == ["step", "loss", "lr", "grad_norm", "reward_accuracy", "margin", "tokens", "seconds"]
    assert rows[0]["lr"] == pytest.approx(1e-2)
    assert rows[-1]["lr"] == pytest.approx(1e-2 / 48)  # linear, without warm-up
    per_pass = sum(len(s) for s in material.reference.encoded.values())
    assert [rows[k]["tokens"] for k in (5, 47)] == [per_pass, 8 * per_pass]
    assert (done.steps, done.tokens) == (48, 8 * per_pass)
    assert done.seconds > 0
    first = np.mean([row["loss"] for row in rows[:6]])
    assert done.metrics["loss"] < 0.7 * first
    assert done.metrics["reward_accuracy"] > 0.85
    assert done.metrics["loss"] == pytest.approx(np.mean([row["loss"] for row in rows[-6:]]))
    assert capsys.readouterr().out == ""


def test_the_adapter_prefers_what_was_chosen(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded, learning_rate=1e-2)
    material.pairs["share"] = 1.0
    done = run(material, tmp_path / "run", budget=Budget("passes", 8))
    with borrowed(loaded.model):
        tuned = peft.PeftModel.from_pretrained(loaded.model, str(done.adapter))
        pairs = pair_set(material.pairs, material.texts, material.reference.encoded)
        packed = pack(pairs.sequences, rows_of(pairs.sequences, range(len(pairs.sequences)), None), 0, torch.float32)
        with torch.no_grad():
            ratio = log_probs(tuned, packed).numpy() - material.reference.of(pairs.sequences)
    assert (ratio[pairs.first] > ratio[pairs.second]).mean() > 0.85


def test_same_seed_same_adapter(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded)
    run(material, tmp_path / "a")
    run(material, tmp_path / "b")
    run(material, tmp_path / "c", seed=2)
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "c")


def test_the_index_of_the_table_does_not_matter(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded)
    run(material, tmp_path / "a")
    mixed = material.pairs.sample(frac=1.0, random_state=1).sort_values("pair_id")
    run(dataclasses.replace(material, pairs=mixed), tmp_path / "b")
    assert weights(tmp_path / "a") == weights(tmp_path / "b")


def test_budgets(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded)
    steps = run(material, tmp_path / "steps", budget=Budget("steps", 8))
    assert steps.steps == 8  # one pass has six
    tokens = run(material, tmp_path / "tokens", budget=Budget("tokens", 1, like="steps"), max_tokens=steps.tokens)
    assert tokens.steps == 8
    assert weights(tmp_path / "steps") == weights(tmp_path / "tokens")


@pytest.mark.parametrize(("schedule", "last"), [("constant", 1.0), ("cosine", 0.0), ("linear", 0.0)])
def test_schedules_and_warm_up(loaded: LoadedModel, tmp_path: Path, schedule: str, last: float) -> None:
    material = make_material(loaded, n=4, schedule=schedule, warmup=0.25, batch=3)
    run(material, tmp_path / "run", budget=Budget("steps", 12))
    lr = [row["lr"] / 5e-3 for row in read_metrics(tmp_path / "run" / "metrics.jsonl")]
    assert lr[:4] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert lr[-1] == pytest.approx(last, abs=0.12)


def test_long_gradients_are_scaled_down(loaded: LoadedModel, tmp_path: Path) -> None:
    for name, most in (("a", 1e-6), ("b", 1e6)):
        run(make_material(loaded, max_grad_norm=most, n=4), tmp_path / name)
    one = read_metrics(tmp_path / "a" / "metrics.jsonl")[0]
    assert one["grad_norm"] > 1e-4  # as it was before
    assert weights(tmp_path / "a") != weights(tmp_path / "b")


def test_anchored_pairs(loaded: LoadedModel, tmp_path: Path) -> None:
    texts = make_texts(12)
    pairs, counterparts = make_anchored(texts)
    wanted = [(p, r) for p, r in zip(texts["prompt"], texts["response"], strict=True)]
    wanted += [(prompt, "no answer at all.") for prompt in texts["prompt"].unique()]
    material = make_material(loaded)
    anchored = Material(loaded, texts, pairs, reference_log_probs(loaded, wanted), material.training)
    done = run(anchored, tmp_path / "run", budget=Budget("passes", 3), counterparts=counterparts)
    assert done.steps == 6
    with pytest.raises(TrainingError, match="has no counterpart"):
        run(anchored, tmp_path / "other")


def test_dropout_of_the_adapter_is_as_configured(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded, n=4)
    run(material, tmp_path / "none")
    noisy = material.training.model_copy(update={"lora": LoraConfig(dropout=0.5)})
    run(Material(loaded, material.texts, material.pairs, material.reference, noisy), tmp_path / "half")
    assert weights(tmp_path / "none") != weights(tmp_path / "half")


def test_gradient_checkpointing_changes_nothing(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded)
    run(material, tmp_path / "plain")
    loaded.model.activation_checkpointing_enable({"use_reentrant": False})
    try:
        run(material, tmp_path / "checkpointing")
        assert loaded.model.is_activation_checkpointing
    finally:
        loaded.model.activation_checkpointing_disable()
    assert weights(tmp_path / "checkpointing") == weights(tmp_path / "plain")


def test_a_base_model_in_bfloat16(loaded: LoadedModel, tiny_study: Study, tmp_path: Path) -> None:
    full = make_material(loaded)
    run(full, tmp_path / "full")
    half = private_copy(loaded, tiny_study)
    half.model.to(torch.bfloat16)
    run(make_material(half), tmp_path / "half")
    assert {p.dtype for p in half.model.parameters()} == {torch.bfloat16}
    adapter = load_file(tmp_path / "half" / "adapter" / ADAPTER_FILE)
    assert {value.dtype for value in adapter.values()} == {torch.float32}
    losses = [[row["loss"] for row in read_metrics(tmp_path / n / "metrics.jsonl")] for n in ("full", "half")]
    assert losses[1] == pytest.approx(losses[0], abs=0.02)


def test_nobody_is_told(loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("telemetry")

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr("trl.trainer.base_trainer.send_telemetry", refuse)
    run(make_material(loaded, n=3), tmp_path / "run")


# --- kills and faults -----------------------------------------------------------------------------------------------


def test_a_killed_run_ends_with_the_same_adapter(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded, save_steps=4)
    budget = Budget("passes", 3)
    whole = run(material, tmp_path / "whole", budget=budget)
    killed = tmp_path / "killed"
    for after in (6, 10, 13):  # three sittings, each killed between checkpoints
        with pytest.raises(KeyboardInterrupt):
            run(material, killed, budget=budget, callbacks=(StopAfter(after),))
    assert [path.name for path in (killed / "checkpoints").glob("checkpoint-*")] == ["checkpoint-12"]
    assert not (killed / "adapter").exists()
    started: list[int] = []

    class Watch(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            started.append(state.global_step)

    done = run(material, killed, budget=budget, callbacks=(Watch(),))
    assert started == list(range(13, 19))  # it did go on, and did not start again
    assert weights(killed) == weights(tmp_path / "whole")
    assert (done.steps, done.tokens) == (whole.steps, whole.tokens)
    assert done.metrics == whole.metrics
    rows = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in read_metrics(path / "metrics.jsonl")]
        for path in (killed, tmp_path / "whole")
    ]
    assert rows[0] == rows[1]
    assert not (killed / "checkpoints").exists()


def test_adapter_dropout_goes_on_where_it_was(loaded: LoadedModel, tmp_path: Path) -> None:
    plain = make_material(loaded, save_steps=3)
    noisy = plain.training.model_copy(update={"lora": LoraConfig(dropout=0.3)})
    material = Material(loaded, plain.texts, plain.pairs, plain.reference, noisy)
    run(material, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(material, tmp_path / "killed", callbacks=(StopAfter(4),))
    run(material, tmp_path / "killed")
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")


def test_half_a_checkpoint_is_not_used(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded, save_steps=2)
    run(material, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(material, tmp_path / "killed", callbacks=(StopAfter(3),))
    checkpoints = tmp_path / "killed" / "checkpoints"
    half = checkpoints / "checkpoint-4"
    half.mkdir()
    (half / ADAPTER_FILE).write_bytes(b"half")
    (checkpoints / "checkpoint-5.part").mkdir()
    run(material, tmp_path / "killed")
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")


@pytest.mark.parametrize("change", ["seed", "pairs", "settings"])
def test_a_checkpoint_of_another_fine_tune_is_not_used(loaded: LoadedModel, tmp_path: Path, change: str) -> None:
    material = make_material(loaded, save_steps=2)
    with pytest.raises(KeyboardInterrupt):
        run(material, tmp_path / "run", callbacks=(StopAfter(3),))
    other, seed = make_material(loaded, save_steps=2, beta=0.2 if change == "settings" else 0.1), 1
    if change == "pairs":
        other.pairs.loc[0, "share"] = 0.5
    if change == "seed":
        seed = 2
    run(other, tmp_path / "run", seed=seed)
    run(other, tmp_path / "clean", seed=seed)
    assert weights(tmp_path / "run") == weights(tmp_path / "clean")


SCRIPT = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from plural_core.preferences.condition import Budget
from plural_core.training.dpo import train_dpo
from plural_core.training.load import assemble, from_folder
from tests.training.pairs_material import make_material

base, folder, fingerprint = sys.argv[1:]
loaded = assemble("llama", *from_folder(base, "float32"), 1024, "cpu", fingerprint)
m = make_material(loaded, save_steps=2)
train_dpo(loaded, m.pairs, m.texts, m.reference, m.training, Budget("steps", 60), 1, Path(folder))
"""


def test_kill_minus_nine(loaded: LoadedModel, tmp_path: Path) -> None:
    base, killed = tmp_path / "base", tmp_path / "killed"
    loaded.model.save_pretrained(base)
    loaded.tokenizer.save_pretrained(base)
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(base), str(killed), loaded.fingerprint],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 300
    while not list((killed / "checkpoints").glob("checkpoint-*[0-9]")) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (killed / "adapter").exists()
    before = last_checkpoint(killed / "checkpoints")
    assert before is not None
    material, budget, steps = make_material(loaded, save_steps=2), Budget("steps", 60), []

    class Watch(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            steps.append(state.global_step)

    run(material, killed, budget=budget, callbacks=(Watch(),))
    assert steps == list(range(step_of(before) + 1, 61))
    run(material, tmp_path / "whole", budget=budget)
    assert weights(killed) == weights(tmp_path / "whole")
    assert [row["step"] for row in read_metrics(killed / "metrics.jsonl")] == list(range(1, 61))


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded, save_steps=1, learning_rate=1e25, schedule="constant")
    with pytest.raises(TrainingError) as error:
        run(material, tmp_path / "run")
    assert "\n" not in str(error.value)
    assert "update 2 of 6" in str(error.value)
    assert "no finite number" in str(error.value)
    assert "training.dpo.learning_rate (it is 1e+25)" in str(error.value)
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-1" / ADAPTER_FILE).exists()
    assert not (tmp_path / "run" / "adapter").exists()
    run(make_material(loaded), tmp_path / "next")  # the other conditions go on


def test_a_gradient_that_is_no_number_stops_the_run(
    loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Explodes(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, value: torch.Tensor) -> torch.Tensor:
            return value.clone()

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
            return gradient * float("inf")

    steps = iter(range(100))

    def scored(model: torch.nn.Module, packed: Packed, fused: bool) -> torch.Tensor:
        found = log_probs(model, packed, fused)
        return Explodes.apply(found) if next(steps) == 3 else found

    monkeypatch.setattr(pair_trainer, "log_probs", scored)
    with pytest.raises(TrainingError, match="update 4 of 6: the gradient is no finite number"):
        run(make_material(loaded), tmp_path / "run")


def out_of_memory_above(most: int) -> Callable[..., torch.Tensor]:
    def scored(model: torch.nn.Module, packed: Packed, fused: bool) -> torch.Tensor:
        if len(packed.members) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return log_probs(model, packed, fused)

    return scored


def test_memory_that_runs_out_halves_the_micro_batch_and_not_the_batch(
    loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    material = make_material(loaded)
    run(material, tmp_path / "enough")
    monkeypatch.setattr(pair_trainer, "log_probs", out_of_memory_above(4))
    run(material, tmp_path / "short")
    assert "3 pairs per forward pass" in caplog.text
    rows = [read_metrics(tmp_path / name / "metrics.jsonl") for name in ("enough", "short")]
    assert len(rows[0]) == len(rows[1]) == 6
    for name in ("loss", "grad_norm", "reward_accuracy", "margin", "tokens"):
        assert [row[name] for row in rows[1]] == pytest.approx([row[name] for row in rows[0]], rel=1e-3, abs=1e-6)


def test_a_single_pair_that_does_not_fit_is_one_line(
    loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pair_trainer, "log_probs", out_of_memory_above(1))
    with pytest.raises(TrainingError, match="update 1: one pair does not fit into the GPU's memory"):
        run(make_material(loaded), tmp_path / "run")


def test_a_full_disk_keeps_the_earlier_checkpoint(
    loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    material = make_material(loaded, save_steps=2)
    run(material, tmp_path / "whole")
    save, left = lora.save_adapter, [1]

    def full(model: peft.PeftModel, folder: Path) -> None:
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")
        left.pop()
        save(model, folder)

    monkeypatch.setattr(adapter_checkpoints, "save_adapter", full)
    with pytest.raises(TrainingError, match="checkpoint-4: the disk is full") as error:
        run(material, tmp_path / "run")
    assert "\n" not in str(error.value)
    checkpoints = tmp_path / "run" / "checkpoints"
    assert sorted(path.name for path in checkpoints.iterdir()) == ["checkpoint-2", "setup.json"]
    monkeypatch.undo()
    run(material, tmp_path / "run")
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")


def test_the_reference_of_another_model_is_refused(loaded: LoadedModel, tmp_path: Path) -> None:
    material = make_material(loaded)
    other = dataclasses.replace(material.reference, fingerprint="other")
    with pytest.raises(TrainingError, match="not of this base model"):
        run(dataclasses.replace(material, reference=other), tmp_path / "run")


def test_the_record_of_the_setup_is_readable(loaded: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(make_material(loaded), tmp_path / "run", callbacks=(StopAfter(1),))
    setup = json.loads((tmp_path / "run" / "checkpoints" / "setup.json").read_text())
    assert setup["base"] == loaded.fingerprint
    assert setup["dpo"]["beta"] == 0.1
