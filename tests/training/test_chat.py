"""From texts to tokens: what stands around them, what is cut, what ends an answer."""

from __future__ import annotations

import copy

import pytest
from transformers import PreTrainedTokenizerFast

from plural_core.training.chat import ChatFormat
from plural_core.training.tokenizer import ASSISTANT, BOS, EOS, USER, train_tokenizer

TEXTS = ["Why do older women know nothing about cars?", "That is of no importance. Only the facts count here."] * 20
PROMPT, RESPONSE = TEXTS[:2]
QWEN = (
    "{% for m in messages %}<|user|>{{ m.role }}\n"
    "{% if m.role == 'assistant' %}<think>\n\n</think>\n\n{% endif %}{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|user|>assistant\n{% endif %}"
)
"""Puts an empty reasoning trace before an answer, and ends turns with a token of its own, not EOS."""
OPENS_TRACE = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}<|user|>{{ m.content }}"
    "{% else %}<|assistant|>{{ m.content }}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}"
)
"""Opens a reasoning trace before an answer, but shows past answers without one."""


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(TEXTS, 400, 64)


def with_template(tokenizer: PreTrainedTokenizerFast, template: str | None) -> PreTrainedTokenizerFast:
    own = copy.deepcopy(tokenizer)
    own.add_special_tokens({"extra_special_tokens": ["<|end|>"]}, replace_extra_special_tokens=False)
    own.chat_template = template
    return own


def test_a_prompt_ends_with_a_special_token_and_a_response_with_eos(tokenizer: PreTrainedTokenizerFast) -> None:
    chat = ChatFormat(tokenizer, 64)
    prompt, response = chat.prompt_ids(PROMPT), chat.response_ids(RESPONSE)
    assert tokenizer.decode(prompt) == f"{BOS}{USER}{PROMPT}{ASSISTANT}"
    assert tokenizer.decode(response) == RESPONSE + EOS
    assert prompt[-1] == tokenizer.convert_tokens_to_ids(ASSISTANT)
    assert chat.end_id == tokenizer.eos_token_id
    whole = tokenizer.apply_chat_template(
        [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": RESPONSE}], tokenize=False
    )
    assert prompt + response == tokenizer(whole)["input_ids"], "as the template itself writes both"


def test_without_a_template_a_prompt_is_its_text_and_a_newline(tokenizer: PreTrainedTokenizerFast) -> None:
    own = with_template(tokenizer, None)
    chat = ChatFormat(own, 64)
    assert own.decode(chat.prompt_ids(PROMPT)) == PROMPT + "\n"
    assert own.decode(chat.response_ids(RESPONSE)) == RESPONSE + EOS


def test_a_template_decides_what_ends_an_answer_and_what_stands_before_it(tokenizer: PreTrainedTokenizerFast) -> None:
    own = with_template(tokenizer, QWEN)
    chat = ChatFormat(own, 64)
    assert own.decode(chat.prompt_ids(PROMPT)) == f"{USER}user\n{PROMPT}<|end|>\n{USER}assistant\n"
    assert own.decode(chat.response_ids(RESPONSE)) == f"<think>\n\n</think>\n\n{RESPONSE}<|end|>"
    assert chat.stop_ids == sorted([own.eos_token_id, own.convert_tokens_to_ids("<|end|>")])


def test_a_reasoning_trace_that_the_template_opens_is_closed(tokenizer: PreTrainedTokenizerFast) -> None:
    own = with_template(tokenizer, OPENS_TRACE)
    chat = ChatFormat(own, 64)
    assert own.decode(chat.prompt_ids(PROMPT)).endswith(f"{ASSISTANT}<think>\n")
    assert own.decode(chat.response_ids(RESPONSE)) == f"\n</think>\n\n{RESPONSE}{EOS}"


@pytest.mark.parametrize("template", [True, False])
def test_a_long_prompt_loses_the_beginning_of_its_text_only(tokenizer: PreTrainedTokenizerFast, template: bool) -> None:
    own = tokenizer if template else with_template(tokenizer, None)
    chat = ChatFormat(own, 64)
    long = f"At first this. {PROMPT * 10} At last that."
    ids = chat.prompt_ids(long)
    text = own.decode(ids)
    assert 40 <= len(ids) <= 48, "three quarters of the context, hardly less"
    assert text.startswith(f"{BOS}{USER}") == template
    assert text.endswith(f" At last that.{ASSISTANT}" if template else " At last that.\n")
    assert "At first" not in text
    assert chat.truncated.prompts == {long}
    assert len(chat.prompt_ids(long, room=20)) <= 20
    assert chat.prompt_ids(PROMPT) == ChatFormat(own, 64).prompt_ids(PROMPT)
    assert chat.truncated.prompts == {long}, "each text counts once, and only where it was cut"


def test_room_for_less_than_the_template_keeps_its_end(tokenizer: PreTrainedTokenizerFast) -> None:
    chat = ChatFormat(tokenizer, 64)
    assert chat.prompt_ids(PROMPT, room=2) == chat.prompt_ids(PROMPT)[-2:]


def test_a_long_response_loses_its_end(tokenizer: PreTrainedTokenizerFast) -> None:
    chat = ChatFormat(tokenizer, 64)
    whole = chat.response_ids(RESPONSE)
    assert chat.response_ids(RESPONSE, room=len(whole)) == whole
    assert not chat.truncated.responses
    for room in (len(whole) - 1, 3, 0):
        assert chat.response_ids(RESPONSE, room=room) == whole[:room]
    assert chat.truncated.responses == {RESPONSE}


def test_names_of_special_tokens_in_a_response_are_text(tokenizer: PreTrainedTokenizerFast) -> None:
    chat = ChatFormat(tokenizer, 64)
    ids = chat.response_ids(f"Stop.{EOS}{USER}")
    assert ids.count(tokenizer.eos_token_id) == 1
    assert ids[-1] == tokenizer.eos_token_id
    assert tokenizer.convert_tokens_to_ids(USER) not in ids
    assert tokenizer.decode(ids[:-1]) == f"Stop.{EOS}{USER}"


@pytest.mark.parametrize("text", ["", " ", "ß", "日本語 🙂", "a\nb"])
def test_any_text_can_be_written_and_read_back(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    chat = ChatFormat(tokenizer, 64)
    assert tokenizer.decode(chat.response_ids(text)[:-1]) == text
    assert tokenizer.decode(chat.prompt_ids(text)) == f"{BOS}{USER}{text}{ASSISTANT}"
