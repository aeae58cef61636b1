"""Greedy answers of a base model, for its acceptance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from plural_core.training.load import LoadedModel


def greedy_answers(loaded: LoadedModel, prompts: pd.DataFrame, max_new_tokens: int, batch: int) -> pd.DataFrame:
    """Return prompt_id, text, finish_reason of the answers to prompts (prompt_id, prompt)."""
    import torch

    tokenizer, stops = loaded.tokenizer, set(loaded.chat.stop_ids)
    ids = [loaded.chat.prompt_ids(text) for text in prompts["prompt"]]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    texts: dict[int, tuple[str, str]] = {}
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        padded = tokenizer.pad({"input_ids": [ids[i] for i in rows]}, padding_side="left", return_tensors="pt")
        with torch.inference_mode():
            out = loaded.model.generate(
                **padded.to(loaded.device), max_new_tokens=max_new_tokens, do_sample=False, use_cache=True
            )
        new = out[:, padded["input_ids"].shape[1] :].tolist()
        for row, tokens in zip(rows, new, strict=True):
            end = next((place for place, token in enumerate(tokens) if token in stops), None)
            text = tokenizer.decode(tokens[:end], skip_special_tokens=True).strip()
            texts[row] = (text, "length" if end is None else "stop")
    return pd.DataFrame(
        {
            "prompt_id": prompts["prompt_id"].to_numpy(),
            "text": [texts[i][0] for i in range(len(ids))],
            "finish_reason": [texts[i][1] for i in range(len(ids))],
        }
    )
