"""From texts to tokens: a prompt as the model expects it, and a response with its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PROMPT, _RESPONSE = "plural-prompt", "plural-response"
"""Stand for the texts where a template is asked what it puts around them."""


@dataclass
class Truncations:
    """Texts that were too long, each counted once.

    Parameters
    ----------
    prompts, responses : set of str
        The texts.
    """

    prompts: set[str] = field(default_factory=set)
    responses: set[str] = field(default_factory=set)


@dataclass(frozen=True, eq=False)
class ChatFormat:
    """How a tokenizer writes a prompt and its response.

    With a chat template the prompt is a user's message followed by what the template puts before an answer, and the
    response has what the template puts around an answer (an empty reasoning trace, the end of the turn). Without one,
    the prompt is its text and a newline, and the response ends with EOS.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerBase
        With an EOS token.
    max_length : int
        Longest sequence in tokens, prompt and response together.
    truncated : Truncations
        What was cut so far.
    """

    tokenizer: PreTrainedTokenizerBase
    max_length: int
    truncated: Truncations = field(default_factory=Truncations)

    def prompt_ids(self, prompt: str, room: int | None = None) -> list[int]:
        """Return the tokens before the response.

        Parameters
        ----------
        prompt : str
            The user's text.
        room : int, optional
            Most tokens (default: three quarters of ``max_length``, so that there is always room for a response). A
            longer prompt loses the beginning of its text; what the template adds stays while there is room for it.
        """
        room = self.max_length - self.max_length // 4 if room is None else room
        ids = self._rendered(prompt)
        if len(ids) <= room:
            return ids
        self.truncated.prompts.add(prompt)
        around = len(self._rendered(""))
        keep, shorter = room - around, ids
        # Text and template may share tokens at their borders, so the first cut may be a few tokens short.
        while keep > 0 and len(shorter) > room:
            shorter = self._rendered(self._tail(prompt, keep))
            keep -= max(1, len(shorter) - room)
        return shorter if len(shorter) <= room else shorter[len(shorter) - max(room, 1) :]

    def response_ids(self, response: str, room: int | None = None) -> list[int]:
        """Return the tokens of a response, the end of the turn included.

        Names of special tokens within the text are plain text.

        Parameters
        ----------
        response : str
            The text.
        room : int, optional
            Most tokens (default: ``max_length``); a longer response loses its end, that of the turn too.
        """
        room = self.max_length if room is None else room
        opening = self._frame[0]
        ids = [*self._plain(opening), *self._plain(response, split_special_tokens=True)]
        if len(ids) + 1 <= room:
            return [*ids, self.end_id]
        self.truncated.responses.add(response)
        return ids[: max(room, 0)]

    @property
    def end_id(self) -> int:
        """The token that ends a response: the template's end of a turn, else EOS."""
        return self._frame[1]

    @property
    def stop_ids(self) -> list[int]:
        """Tokens at which generation stops."""
        return sorted({self.end_id, self._eos})

    @property
    def _eos(self) -> int:
        eos = self.tokenizer.eos_token_id
        assert isinstance(eos, int)  # load_base refuses tokenizers without one
        return eos

    @cached_property
    def _frame(self) -> tuple[str, int]:
        """What stands between prompt and response, and the token after the response."""
        if not self.tokenizer.chat_template:
            return "", self._eos
        before = self._template([{"role": "user", "content": _PROMPT}], True)
        whole = self._template(
            [{"role": "user", "content": _PROMPT}, {"role": "assistant", "content": _RESPONSE}], False
        )
        start, _, after = whole.rpartition(_RESPONSE)
        opening = start[len(before) :] if start.startswith(before) else _end_of_trace(before)
        first = self._plain(after.lstrip())[:1]
        known = self.tokenizer.added_tokens_decoder
        ends = bool(first) and first[0] in known and known[first[0]].special
        return opening, first[0] if ends else self._eos

    def _rendered(self, prompt: str) -> list[int]:
        if self.tokenizer.chat_template:
            return self._plain(self._template([{"role": "user", "content": prompt}], True))
        ids: list[int] = self.tokenizer(prompt + "\n")["input_ids"]
        return ids[:-1] if ids and ids[-1] == self.tokenizer.eos_token_id else ids

    def _template(self, messages: list[dict[str, str]], generation: bool) -> str:
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generation)
        assert isinstance(text, str)
        return text

    def _plain(self, text: str, **settings: bool) -> list[int]:
        if not text:
            return []
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, **settings)["input_ids"]
        return ids

    def _tail(self, text: str, n: int) -> str:
        """Return the end of a text, about `n` tokens long."""
        tail = self.tokenizer.decode(self._plain(text)[-n:], skip_special_tokens=True)
        assert isinstance(tail, str)
        return tail


def _end_of_trace(prompt: str) -> str:
    """Return what closes a reasoning trace that a template opens: ratings are of answers, not of traces."""
    from plural_core.evaluation.traces import TAGS, opened_by

    tag = opened_by(prompt).casefold()
    closing = next((closing for opening, closing in TAGS if opening.casefold() == tag), "")
    return f"\n{closing}\n\n" if closing else ""
