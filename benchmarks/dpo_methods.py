"""The ways to train that benchmarks/dpo.py compares; each call runs in a process of its own.

    python -m benchmarks.dpo_methods FOLDER METHOD

reads what the benchmark has laid out in FOLDER and prints one line of JSON.
"""

from __future__ import annotations

import dataclasses
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

METHODS = {
    "unmerged": "plain TRL, every comparison a pair",
    "merged": "plain TRL, merged pairs",
    "ours": "this package",
}


class Clock:
    """Wall and processor seconds of the parts of a run."""

    def __init__(self) -> None:
        self.parts: dict[str, tuple[float, float]] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        before = self.parts.get(name, (0.0, 0.0))
        self.parts[name] = (before[0] + time.perf_counter() - wall, before[1] + time.process_time() - cpu)


def rows_for_trl(pairs: Any, texts: Any, loaded: Any, merged: bool) -> list[dict[str, str]]:
    """Return prompt, chosen, rejected: of every comparison, or of every merged pair by its majority."""
    prompt = {i: loaded.tokenizer.decode(loaded.chat.prompt_ids(p)) for i, p in zip(texts.item_id, texts.prompt)}  # noqa: B905
    response = dict(zip(texts.item_id, texts.response, strict=True))
    rows = []
    for pair in pairs.itertuples():
        a, b = pair.chosen_item, pair.rejected_item
        wins = 1 if merged else round(pair.n * pair.share)
        losses = 0 if merged else pair.n - wins
        rows += [{"prompt": prompt[a], "chosen": response[a], "rejected": response[b]}] * wins
        rows += [{"prompt": prompt[b], "chosen": response[b], "rejected": response[a]}] * losses
    return rows


def plain_trl(folder: Path, loaded: Any, pairs: Any, texts: Any, settings: dict[str, Any], clock: Clock) -> Any:
    """Train with TRL's own trainer, both sides of a pair in every forward pass, and return the tuned model."""
    import datasets
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    from plural_core.study.training_config import TrainingConfig
    from plural_core.training.lora import lora_config

    training = TrainingConfig.model_validate(settings["training"])
    dpo, merged = training.dpo, settings["method"] == "merged"
    with clock.part("prepare"):
        rows = rows_for_trl(pairs, texts, loaded, merged)
        # As many comparisons per update as this package has behind its merged pairs: equal updates.
        updates = -(-len(pairs) // dpo.batch)
        per_update = dpo.batch if merged else round(len(rows) / updates)
        most = settings["per_forward"]
        parts = -(-per_update // most)
        trainer = DPOTrainer(
            model=loaded.model,
            args=DPOConfig(
                str(folder / "trl"),
                beta=dpo.beta,
                learning_rate=dpo.learning_rate,
                lr_scheduler_type=dpo.schedule,
                warmup_steps=int(dpo.warmup * updates),
                max_grad_norm=dpo.max_grad_norm,
                weight_decay=dpo.weight_decay,
                num_train_epochs=settings["passes"],
                per_device_train_batch_size=-(-per_update // parts),
                gradient_accumulation_steps=parts,
                seed=settings["seed"],
                use_cpu=loaded.device == "cpu",
                bf16=settings["bf16"],
                gradient_checkpointing=settings["checkpointing"],
                max_length=None,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=datasets.Dataset.from_list(rows),
            processing_class=loaded.tokenizer,
            peft_config=lora_config(training.lora),
        )
    with clock.part("train"):
        trainer.train()
    tokens = trainer.state.log_history[-2].get("num_tokens", 0) if len(trainer.state.log_history) > 1 else 0
    return trainer.model, {"updates": trainer.state.global_step, "pairs": len(rows), "tokens": int(tokens)}


def this_package(folder: Path, loaded: Any, pairs: Any, texts: Any, settings: dict[str, Any], clock: Clock) -> Any:
    """Train with plural_core, reference log-probabilities included, and return the tuned model."""
    import peft

    from plural_core.preferences.condition import Budget
    from plural_core.study.training_config import TrainingConfig
    from plural_core.training.dpo import train_dpo
    from plural_core.training.groups import pair_texts
    from plural_core.training.reference import reference_log_probs

    training = TrainingConfig.model_validate(settings["training"])
    with clock.part("prepare"):
        chosen, rejected = pair_texts(pairs, texts)
        reference = reference_log_probs(loaded, chosen + rejected, folder / "reference.parquet")
    before = clock.parts["prepare"]
    with clock.part("all"):
        budget = Budget("passes", settings["passes"])
        done = train_dpo(loaded, pairs, texts, reference, training, budget, settings["seed"], folder / "run")
    wall, cpu = clock.parts.pop("all")
    # The loop is timed by the clock alone; its processor seconds are the same share of the whole.
    clock.parts["train"] = (done.seconds, cpu * done.seconds / wall)
    rest = wall - done.seconds
    clock.parts["prepare"] = (before[0] + rest, before[1] + cpu * rest / wall)
    tuned = peft.PeftModel.from_pretrained(loaded.model, str(done.adapter))
    return tuned, {"updates": done.steps, "pairs": len(pairs), "tokens": done.tokens}


def held_out_accuracy(tuned: Any, loaded: Any, pairs: Any, texts: Any) -> float:
    """Return the share of held-out comparisons whose order the tuned model gives, for every method alike."""
    import numpy as np
    import torch

    from plural_core.training.groups import order_accuracy, pair_set, pair_texts
    from plural_core.training.reference import reference_log_probs

    chosen, rejected = pair_texts(pairs, texts)
    tuned.eval()
    with tuned.disable_adapter():
        reference = reference_log_probs(loaded, chosen + rejected)
    policy = reference_log_probs(dataclasses.replace(loaded, model=tuned), chosen + rejected)
    whole = pair_set(pairs, texts, reference.encoded)
    ratio = policy.of(whole.sequences) - reference.of(whole.sequences)
    z, weight, share = (
        torch.from_numpy(np.asarray(v)) for v in (ratio[whole.first] - ratio[whole.second], whole.weight, whole.share)
    )
    return float(order_accuracy(z, weight, share).sum() / weight.sum())


def measure(folder: Path, method: str) -> dict[str, Any]:
    """Train in one way; return seconds by part, accuracy and memory."""
    clock = Clock()
    with clock.part("import"):
        import pandas as pd
        import peft  # noqa: F401
        import torch
        import trl.trainer.dpo_trainer  # noqa: F401

        import plural_core.training.dpo
        import plural_core.training.pair_trainer  # noqa: F401
        from plural_core.training.load import assemble, from_folder
    settings = json.loads((folder / "settings.json").read_text()) | {"method": method}
    torch.set_num_threads(settings["threads"])
    with clock.part("load"):
        dtype = "bfloat16" if settings["bf16"] else "float32"
        loaded = assemble("base", *from_folder(folder / "base", dtype), 1024, settings["device"], "base")
        if settings["checkpointing"]:
            loaded.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        pairs, held, texts = (pd.read_parquet(folder / f"{name}.parquet") for name in ("pairs", "held", "texts"))
    train = this_package if method == "ours" else plain_trl
    with tempfile.TemporaryDirectory() as work:
        tuned, found = train(Path(work), loaded, pairs, texts, settings, clock)
        if settings["device"] == "cuda":
            torch.cuda.synchronize()
            found["peak_gpu_mb"] = torch.cuda.max_memory_allocated() / 2**20
        found["accuracy"] = held_out_accuracy(tuned, loaded, held, texts) if len(held) else float("nan")
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"parts": clock.parts, **found}


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), sys.argv[2])))
