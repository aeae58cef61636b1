"""The tokenizer of tiny models."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from plural_core.training.tokenizer import ASSISTANT, BOS, EOS, PAD, SPECIAL, USER, train_tokenizer

TEXTS = [f"Warum möchte {who} {what}?" for who in ("mein Sohn", "my aunt") for what in ("kochen", "lead a team")]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(TEXTS, 290, 96)


def test_it_has_its_special_tokens_and_no_more_entries_than_asked_for(tokenizer: PreTrainedTokenizerFast) -> None:
    assert len(tokenizer) == 290
    assert (tokenizer.pad_token, tokenizer.bos_token, tokenizer.eos_token) == (PAD, BOS, EOS)
    assert tokenizer.convert_tokens_to_ids([*SPECIAL]) == [0, 1, 2, 3, 4]
    assert tokenizer(USER + ASSISTANT, add_special_tokens=False)["input_ids"] == [3, 4]
    assert tokenizer.model_max_length == 96
    assert len(train_tokenizer(TEXTS, 2000, 96)) < 400, "a small corpus gives what it can"


def test_frequent_words_become_single_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    text = TEXTS[0]
    assert len(tokenizer(text)["input_ids"]) < len(text.encode()) / 3


def test_the_same_texts_give_the_same_tokenizer(tokenizer: PreTrainedTokenizerFast) -> None:
    again = train_tokenizer(iter(TEXTS), 290, 96)
    assert again.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()


def test_it_is_the_same_after_saving(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.get_vocab() == tokenizer.get_vocab()
    assert again.padding_side == "left"
    messages = [{"role": "user", "content": TEXTS[0]}, {"role": "assistant", "content": "Nein."}]
    for text in (TEXTS[1], tokenizer.apply_chat_template(messages, tokenize=False)):
        assert again(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert again.apply_chat_template(messages, tokenize=False) == tokenizer.apply_chat_template(
        messages, tokenize=False
    )
    assert again.decode(again("  ein  Wort , noch eins").input_ids) == "  ein  Wort , noch eins"
