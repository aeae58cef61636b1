"""DPO of a random-weight Llama of 1B on a GPU: tokens per second and share of the GPU's peak, beside plain TRL.

Part of ``python -m benchmarks.dpo --gpu``. Prompts and responses are random words of a vocabulary of one token per
word, so lengths are exact. Useful work is counted: forward and backward through frozen weights (4 FLOP per weight and
token; no gradients of the weights themselves), the head at response tokens only, and for plain TRL its reference's
forward pass (2 FLOP); what checkpointing computes again and padding are not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.dpo_methods import METHODS

PEAKS = {"H100": 989.0, "H200": 989.0, "A100": 312.0, "L40S": 362.0, "L4": 121.0, "A10G": 70.0, "RTX 4090": 165.0}
"""Dense bfloat16 TFLOP/s from the makers' data sheets."""
SHAPES: dict[str, dict[str, int]] = {
    "1b": {"hidden": 2048, "inner": 8192, "layers": 16, "heads": 32, "groups": 8, "vocabulary": 128_256,
           "prompts": 64, "prompt": 128, "response": 256},
    "small": {"hidden": 64, "inner": 128, "layers": 2, "heads": 4, "groups": 2, "vocabulary": 1_000,
              "prompts": 8, "prompt": 12, "response": 24},
}  # fmt: skip
"""``1b`` has the sizes of Llama 3.2 1B; ``small`` tries the code where there is no GPU."""


def lay_out(folder: Path, shape: dict[str, int], device: str) -> dict[str, Any]:
    """Write a random model, three responses per prompt and their pairs into a folder, and return the settings."""
    import numpy as np
    import pandas as pd
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = {"<pad>": 0, "<eos>": 1, **{f"w{i}": i for i in range(2, shape["vocabulary"])}}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>").save_pretrained(
        folder / "base"
    )
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=shape["vocabulary"],
        hidden_size=shape["hidden"],
        intermediate_size=shape["inner"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["groups"],
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
    )
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    LlamaForCausalLM(config).to(dtype).save_pretrained(folder / "base")
    rng = np.random.default_rng(1)

    def some(n: int) -> str:
        return " ".join(f"w{i}" for i in rng.integers(2, shape["vocabulary"], n))

    texts, pairs = [], []
    for p in range(shape["prompts"]):
        prompt = some(shape["prompt"])
        texts += [(f"i{p}-{r}", f"q{p}", prompt, some(int(shape["response"] * rng.uniform(0.5, 1)))) for r in range(3)]
        for a, b in ((0, 1), (0, 2), (1, 2)):
            n = int(rng.integers(2, 10))
            pairs.append((f"q{p}", f"i{p}-{a}", f"i{p}-{b}", n, int(rng.integers((n + 1) // 2, n + 1)) / n))
    frame = pd.DataFrame(pairs, columns=["prompt_id", "chosen_item", "rejected_item", "n", "share"])
    frame["weight"] = frame["n"] / frame["n"].mean()
    frame.to_parquet(folder / "pairs.parquet")
    frame.iloc[:0].to_parquet(folder / "held.parquet")
    pd.DataFrame(texts, columns=["item_id", "prompt_id", "prompt", "response"]).to_parquet(folder / "texts.parquet")
    dpo = {"batch": 32, "micro_batch": 16, "learning_rate": 1e-5}
    return {
        "training": {"device": "auto", "dpo": dpo},
        "passes": 1,
        "seed": 1,
        "threads": 1,
        "device": device,
        "bf16": device == "cuda",
        "checkpointing": device == "cuda",
        "per_forward": 16,
    }


def useful_flops(shape: dict[str, int], prompts: int, responses: int, scored: int, forwards: int) -> float:
    """Return the FLOP of useful work.

    Parameters
    ----------
    shape : dict
        Sizes of the model.
    prompts, responses : int
        Tokens that go through the layers as prompts and as responses.
    scored : int
        Tokens that the head predicts.
    forwards : int
        Passes over weights per token: 2 for forward and backward, 3 with a reference.
    """
    width, groups = shape["hidden"], shape["hidden"] * shape["groups"] // shape["heads"]
    layer = width * (2 * width + 2 * groups) + 3 * width * shape["inner"]
    weights = shape["layers"] * layer
    seen = shape["prompt"] + shape["response"] * 0.75 / 2  # mean number of positions that a response token looks at
    attention = shape["layers"] * 2 * width * seen
    return 2.0 * forwards * ((prompts + responses) * (weights + attention) + scored * width * shape["vocabulary"])


def peak_of(device: str, given: float | None) -> tuple[float, str]:
    """Return the peak in TFLOP/s, and where the number comes from."""
    import torch

    if given:
        return given, "as given"
    if device == "cuda":
        name = torch.cuda.get_device_name(0)
        for key, peak in PEAKS.items():
            if key in name:
                return peak, f"{name}, data sheet"
    n = 8192 if device == "cuda" else 1024
    a = torch.randn(n, n, device=device, dtype=torch.bfloat16 if device == "cuda" else torch.float32)
    for _ in range(3):
        a @ a
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(20):
        a @ a
    if device == "cuda":
        torch.cuda.synchronize()
    return 20 * 2 * n**3 / (time.perf_counter() - start) / 1e12, "measured with a large matrix product"


def compare(
    folder: Path, name: str, peak: float | None, methods: list[str], run: Callable[[Path, str], dict[str, Any]]
) -> None:
    """Print tokens per second and share of peak of each way to train."""
    import pandas as pd
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and name != "small":
        raise SystemExit("there is no GPU that torch can use here; --shape small tries the code on the CPU")
    shape = SHAPES[name]
    settings = lay_out(folder, shape, device)
    (folder / "settings.json").write_text(json.dumps(settings))
    top, source = peak_of(device, peak)
    print(f"peak {top:.2f} TFLOP/s ({source}); {shape['prompts']} prompts of {shape['prompt']} tokens, three responses")
    pairs, texts = pd.read_parquet(folder / "pairs.parquet"), pd.read_parquet(folder / "texts.parquet")
    length = texts.set_index("item_id")["response"].str.split().str.len() + 1
    print(f"\n{'':<36}{'train s':>9}{'comparisons/s':>15}{'tokens/s':>10}{'of peak':>9}{'updates':>9}{'GPU MB':>8}")
    for method in methods:
        found = run(folder, method)
        seconds = found["parts"]["train"][0]
        if method == "ours":
            prompts, responses, forwards = shape["prompts"] * shape["prompt"], int(length.sum()), 2
        else:
            times = pairs["n"] if method == "unmerged" else pairs["n"] * 0 + 1
            sides = length[pairs["chosen_item"]].to_numpy() + length[pairs["rejected_item"]].to_numpy()
            prompts, responses = int(times.sum()) * 2 * shape["prompt"], int((times * sides).sum())
            forwards = 3
        compared = len(pairs) if method == "merged" else int(pairs["n"].sum())
        flops = useful_flops(shape, prompts, responses, responses, forwards)
        print(
            f"{METHODS[method]:<36}{seconds:>9.1f}{compared / seconds:>15.1f}"
            f"{(prompts + responses) / seconds:>10.0f}{flops / seconds / 1e12 / top:>9.1%}{found['updates']:>9}"
            f"{found.get('peak_gpu_mb', 0):>8.0f}",
            flush=True,
        )
