"""Answers: the same in any batch and for any family, base models as they were, and what stands in the text."""

from __future__ import annotations

import copy
import dataclasses
import functools
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from plural_core.evaluation import generate as module
from plural_core.evaluation.generate import COLUMNS, adapted, generate
from plural_core.evaluation.traces import strip_trace
from plural_core.ratings.schemas import check_table
from plural_core.study.models_config import TINY_FAMILIES, TinyConfig
from plural_core.study.training_config import LoraConfig
from plural_core.training.families import architecture, new_model
from plural_core.training.load import LoadedModel, assemble
from plural_core.training.lora import attach, borrowed, save_adapter
from plural_core.training.tokenizer import train_tokenizer
from plural_core.training.trained import TrainingError

TINY = TinyConfig(hidden=32, layers=2, heads=4, vocabulary=300, context=96)
WORDS = ["river", "stone", "a", "the lamp and the table", "yes", "where do they go in the evening", "bread"]
PROMPTS = pd.DataFrame(
    {
        "prompt_id": [f"p{i:02d}" for i in range(9)],
        "prompt": [" ".join(WORDS[: 1 + i % 7]) + f" {i}" for i in range(9)],
    }
)


def model_of(family: str, context: int = TINY.context) -> LoadedModel:
    """Return a model with large random weights: its answers differ between prompts, and ties are rare."""
    tokenizer = train_tokenizer(WORDS * 5, 300, context)
    tokens = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")}
    torch.manual_seed(TINY_FAMILIES.index(family))
    model = new_model(architecture(family, TINY.model_copy(update={"context": context}), len(tokenizer), tokens))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                parameter.normal_(0.0, 0.16)
    return assemble(family, model, tokenizer, context, "cpu", "made up")


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return model_of("llama")


def adapter_of(loaded: LoadedModel, folder: Path, factor: float = 1.0) -> Path:
    """Save an adapter with random weights that changes answers."""
    with borrowed(loaded.model) as model:
        wrapped = attach(model, LoraConfig(r=2, alpha=4), seed=1)
        torch.manual_seed(5)
        for name, parameter in wrapped.named_parameters():
            if "lora_B" in name:
                parameter.data.normal_(0.0, 0.3).mul_(factor)
        save_adapter(wrapped, folder)
    return folder


@pytest.fixture(scope="module")
def adapter(loaded: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return adapter_of(loaded, tmp_path_factory.mktemp("adapter"))


def answers(loaded: LoadedModel, batch: int = 8, max_new_tokens: int = 28, **more: Any) -> pd.DataFrame:
    return generate(loaded, PROMPTS, max_new_tokens=max_new_tokens, batch=batch, **more)


def by_hand(loaded: LoadedModel, prompt: str, limit: int, model: torch.nn.Module | None = None) -> list[int]:
    """Greedy answer to one prompt, the whole text through the model for every token: no cache, no padding."""
    tokens = loaded.chat.prompt_ids(prompt)
    new: list[int] = []
    with torch.inference_mode():
        while len(new) < limit:
            token = int((model or loaded.model)(torch.tensor([tokens + new])).logits[0, -1].argmax())
            if token in loaded.chat.stop_ids:
                break
            new.append(token)
    return new


@pytest.mark.parametrize("family", TINY_FAMILIES)
def test_answers_do_not_depend_on_the_batch(family: str) -> None:
    model = model_of(family)
    together, alone = answers(model, batch=9), answers(model, batch=1)
    pd.testing.assert_frame_equal(together, alone)
    assert together["text"].nunique() > 5  # the prompts matter, so the test can fail


@pytest.mark.parametrize("family", ["gpt_neox", "gemma2", "phi3", "qwen3"])
def test_answers_are_the_most_likely_tokens(family: str) -> None:
    model = model_of(family)
    found = answers(model)
    for prompt, text, n in zip(PROMPTS["prompt"][::2], found["text"][::2], found["n_tokens"][::2], strict=True):
        tokens = by_hand(model, prompt, 28)
        assert text == model.tokenizer.decode(tokens, skip_special_tokens=True).strip()
        assert n == len(tokens)


def stopping(loaded: LoadedModel, letters: str) -> LoadedModel:
    """Return the model with further tokens that end an answer, as a model's generation config may name them."""
    model = copy.deepcopy(loaded.model)
    ids = [i for letter in letters for i in loaded.tokenizer(letter, add_special_tokens=False)["input_ids"]]
    model.generation_config.eos_token_id = [*loaded.chat.stop_ids, *ids]
    return dataclasses.replace(loaded, model=model)


def test_the_end_of_answers(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = answers(loaded, max_new_tokens=28)
    letters = "".join(sorted({letter for text in whole["text"] for letter in text if letter.isascii()})[:2])
    model = stopping(loaded, letters)
    found = answers(model, max_new_tokens=28)
    assert set(found["finish_reason"]) == {"stop", "length"}
    for short, long, n, reason in zip(
        found["text"], whole["text"], found["n_tokens"], found["finish_reason"], strict=True
    ):
        assert long.startswith(short)
        assert (n < 28) == (reason == "stop")
        assert reason == "length" or not set(short) & set(letters)
    # Finished answers leave the batch between rounds; however long those are, the answers are the same.
    for first in (1, 3, 1000):
        monkeypatch.setattr(module, "FIRST_ROUND", first)
        pd.testing.assert_frame_equal(found, answers(model, max_new_tokens=28))


def test_a_model_whose_cache_cannot_lose_rows_answers_in_one_round(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = answers(loaded)
    monkeypatch.setattr(module, "FIRST_ROUND", 1)
    monkeypatch.setattr(module, "_may_leave", lambda model: False)
    calls = []
    own = loaded.model.generate
    monkeypatch.setattr(loaded.model, "generate", lambda *a, **k: calls.append(1) or own(*a, **k))
    pd.testing.assert_frame_equal(expected, answers(loaded, batch=9))
    assert len(calls) == 1


def test_the_table_is_in_the_order_of_the_prompts(loaded: LoadedModel) -> None:
    mixed = PROMPTS.sample(frac=1.0, random_state=3)
    found = generate(loaded, mixed, max_new_tokens=10, batch=4)
    assert list(found.columns) == COLUMNS
    assert found["prompt_id"].tolist() == mixed["prompt_id"].tolist()
    again = found.sort_values("prompt_id", ignore_index=True)
    pd.testing.assert_frame_equal(again, answers(loaded, max_new_tokens=10))
    check_table(again.assign(run_id="r")[["run_id", *COLUMNS]], "generations", "10_evaluate")
    nothing = generate(loaded, PROMPTS.iloc[:0], max_new_tokens=10, batch=4)
    assert list(nothing.columns) == COLUMNS
    assert nothing.empty


def test_an_adapter_answers_and_leaves_no_trace(loaded: LoadedModel, adapter: Path) -> None:
    before = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    places = {name: value.data_ptr() for name, value in loaded.model.named_parameters()}
    plain = answers(loaded)
    tuned = answers(loaded, adapter=adapter)
    assert (plain["text"] != tuned["text"]).mean() > 0.5
    after = loaded.model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert {name: value.data_ptr() for name, value in loaded.model.named_parameters()} == places
    assert not any("lora" in name for name, _ in loaded.model.named_modules())
    pd.testing.assert_frame_equal(plain, answers(loaded))


@pytest.mark.parametrize("family", ["llama", "gpt_neox", "phi3"])
def test_an_adapter_added_to_the_weights_answers_like_one_beside_them(family: str, tmp_path: Path) -> None:
    from peft import PeftModel

    model = model_of(family)
    folder = adapter_of(model, tmp_path)
    added = answers(model, adapter=folder)
    with borrowed(model.model) as own:
        beside = PeftModel.from_pretrained(own, str(folder))
        # As a trainer has it: the adapter is in the model already.
        pd.testing.assert_frame_equal(added, answers(dataclasses.replace(model, model=beside)))
        assert isinstance(beside.base_model.model, type(own))
        first = PROMPTS["prompt"].iloc[3]
        assert added["n_tokens"].iloc[3] == len(by_hand(model, first, 28, beside))


def test_in_low_precision_the_adapter_stays_beside_the_weights(adapter: Path, loaded: LoadedModel) -> None:
    low = dataclasses.replace(loaded, model=copy.deepcopy(loaded.model).to(torch.bfloat16))
    with adapted(low, adapter) as model:
        assert any("lora" in name for name, _ in model.named_modules())
    found = answers(low, adapter=adapter)
    assert low.model.dtype == torch.bfloat16
    assert found["n_tokens"].min() > 0
    assert (found["text"] != answers(low)["text"]).any()


def test_an_adapter_goes_out_when_generation_fails(
    loaded: LoadedModel, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: value.clone() for name, value in loaded.model.state_dict().items()}

    def broken(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_continue", broken)
    own = loaded.model.generation_config
    with pytest.raises(KeyboardInterrupt):
        answers(loaded, adapter=adapter)
    after = loaded.model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert loaded.model.generation_config is own


def test_adapters_that_cannot_be_used(loaded: LoadedModel, adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"there is no adapter \(adapter_config.json is missing\)"):
        answers(loaded, adapter=tmp_path / "nothing")
    (tmp_path / "pickled").mkdir()
    (tmp_path / "pickled" / "adapter_config.json").write_bytes((adapter / "adapter_config.json").read_bytes())
    (tmp_path / "pickled" / "adapter_model.bin").write_bytes(b"never read")
    with pytest.raises(TrainingError, match=r"adapter_model\.safetensors is missing"):
        answers(loaded, adapter=tmp_path / "pickled")
    (tmp_path / "pickled" / "adapter_model.safetensors").write_bytes(b"damaged")
    with pytest.raises(TrainingError, match="does not fit base model 'llama'"):
        answers(loaded, adapter=tmp_path / "pickled")
    other = adapter_of(model_of("llama"), tmp_path / "nan", factor=float("nan"))
    before = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    with pytest.raises(TrainingError, match="weights are not numbers"):
        answers(loaded, adapter=other)
    assert all(torch.equal(loaded.model.state_dict()[name], value) for name, value in before.items())


def test_an_adapter_of_another_size(loaded: LoadedModel, tmp_path: Path) -> None:
    tokenizer = loaded.tokenizer
    tokens = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")}
    wide = new_model(architecture("llama", TINY.model_copy(update={"hidden": 64}), len(tokenizer), tokens))
    folder = adapter_of(assemble("wide", wide, tokenizer, TINY.context, "cpu", ""), tmp_path)
    with pytest.raises(TrainingError, match="does not fit base model 'llama'"):
        answers(loaded, adapter=folder)
    assert not any("lora" in name for name, _ in loaded.model.named_modules())


def test_a_models_own_settings_of_generation_do_not_count(loaded: LoadedModel) -> None:
    plain = answers(loaded)
    model = copy.deepcopy(loaded.model)
    settings = model.generation_config
    settings.do_sample, settings.temperature, settings.top_p = True, 5.0, 0.5
    settings.repetition_penalty, settings.no_repeat_ngram_size, settings.max_length = 3.0, 1, 3
    pd.testing.assert_frame_equal(plain, answers(dataclasses.replace(loaded, model=model)))
    assert model.generation_config is settings


def test_dropout_is_off_and_the_mode_comes_back(loaded: LoadedModel) -> None:
    model = model_of("gpt_neox")
    for part in model.model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.9
    plain = answers(model)
    model.model.train()
    pd.testing.assert_frame_equal(plain, answers(model))
    assert model.model.training


def test_long_prompts_lose_their_beginning_and_are_counted(loaded: LoadedModel) -> None:
    long = "bread " * 200 + "where do they go"
    rows = pd.DataFrame({"prompt_id": ["a", "b"], "prompt": [long, "yes"]})
    seen: list[str] = ["of earlier"]
    loaded.chat.truncated.prompts.update(seen)
    found = generate(loaded, rows, max_new_tokens=20, batch=2)
    assert found.attrs == {"n_truncated": 1, "batch": 2}
    assert loaded.chat.truncated.prompts >= {long, "of earlier"}
    assert generate(loaded, rows, max_new_tokens=20, batch=2).attrs["n_truncated"] == 1
    assert answers(loaded).attrs["n_truncated"] == 0
    shorter = loaded.chat.prompt_ids(long)
    assert len(shorter) <= TINY.context - 20
    alone = generate(loaded, rows.iloc[1:], max_new_tokens=20, batch=2)
    assert found["text"].iloc[1] == alone["text"].iloc[0]


def test_prompt_and_answer_fit_into_the_context(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    longest = []
    own = loaded.model.forward

    @functools.wraps(own)  # transformers looks at the signature
    def watched(*arguments: Any, **named: Any) -> Any:
        longest.append(int(named["position_ids"].max()))
        return own(*arguments, **named)

    monkeypatch.setattr(loaded.model, "forward", watched)
    rows = pd.DataFrame({"prompt_id": ["a", "b"], "prompt": ["bread " * 200, "yes"]})
    for wanted in (20, 70, 500):
        longest.clear()
        found = generate(loaded, rows, max_new_tokens=wanted, batch=2)
        assert max(longest) < TINY.context
        assert found["n_tokens"].max() <= min(wanted, TINY.context - TINY.context // 4)
    assert found["n_tokens"].max() == TINY.context - TINY.context // 4


def test_memory_that_runs_out_halves_the_batch(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = answers(loaded)
    own, sizes = module._continue, []

    def little_room(prompts: list[list[int]], *more: Any) -> Any:
        sizes.append(len(prompts))
        if len(prompts) > 3:
            raise torch.OutOfMemoryError
        return own(prompts, *more)

    monkeypatch.setattr(module, "_continue", little_room)
    progress: list[tuple[int, int]] = []
    found = answers(loaded, batch=9, progress=lambda done, total: progress.append((done, total)))
    pd.testing.assert_frame_equal(expected, found)
    assert found.attrs["batch"] == 2
    assert sizes[:3] == [9, 4, 2]
    assert progress[0] == (2, 9)
    assert progress[-1] == (9, 9)

    def no_room(*_: Any) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(module, "_continue", no_room)
    with pytest.raises(TrainingError, match="memory runs out while it answers a single prompt"):
        answers(loaded)


def test_a_prompt_without_tokens(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(loaded.chat), "prompt_ids", lambda self, prompt, room=None: [])
    with pytest.raises(TrainingError, match="prompt 'p00' has no tokens"):
        answers(loaded)


def marked(loaded: LoadedModel, template: str) -> LoadedModel:
    """Return the model with a tokenizer that has the marks of a reasoning trace as special tokens."""
    tokenizer = copy.deepcopy(loaded.tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<think>", "</think>", "<|tool|>"]})
    tokenizer.chat_template = tokenizer.chat_template.replace(
        "{% if add_generation_prompt %}", "{% if add_generation_prompt %}" + template
    )
    return dataclasses.replace(loaded, tokenizer=tokenizer)


def test_marks_of_a_trace_stay_in_the_text_and_other_special_tokens_do_not(loaded: LoadedModel) -> None:
    tokenizer = marked(loaded, "").tokenizer
    write = module._writer(tokenizer)
    ids = tokenizer("<think>a stone</think><|tool|>the lamp", add_special_tokens=False)["input_ids"]
    text = write(tokenizer("yes")["input_ids"], ids)
    assert text == "<think>a stone</think>the lamp"
    assert strip_trace(text) == ("the lamp", "a stone")


def test_a_trace_that_the_template_opens_is_opened_in_the_text(loaded: LoadedModel) -> None:
    tokenizer = marked(loaded, "").tokenizer
    write = module._writer(tokenizer)
    prompt = tokenizer("yes <think>", add_special_tokens=False)["input_ids"]
    # Cut off while it was thinking: nothing in the answer itself says so.
    text = write(prompt, tokenizer("a stone and", add_special_tokens=False)["input_ids"])
    assert strip_trace(text) == ("", "a stone and")
