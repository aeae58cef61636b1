"""A response to a prompt as tokens, and how many of them share a row of the model's input."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from plural_core.training.trained import TrainingError

if TYPE_CHECKING:
    import torch

    from plural_core.training.chat import ChatFormat

IGNORE = -100
"""Stands where a position predicts nothing (torch's own convention)."""
_PAD_SEGMENT = -1
_PROMPT_SEGMENT = 0


@dataclass(frozen=True)
class TokenSequence:
    """A prompt and one response to it.

    Parameters
    ----------
    prompt : tuple of int
        Tokens up to the response, one at least.
    response : tuple of int
        Tokens of the response with its end, one at least.
    """

    prompt: tuple[int, ...]
    response: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.response)

    @cached_property
    def key(self) -> str:
        """Short SHA-256 of the tokens: of the texts, of the chat format, and of what was cut, all at once."""
        numbers = array("q", (len(self.prompt), *self.prompt, *self.response))
        return hashlib.sha256(numbers.tobytes()).hexdigest()[:24]


def encode(chat: ChatFormat, texts: Iterable[tuple[str, str]]) -> dict[tuple[str, str], TokenSequence]:
    """Return the tokens of every (prompt, response), each tokenised once.

    Raises
    ------
    TrainingError
        A prompt has no tokens.
    """
    prompts: dict[str, tuple[int, ...]] = {}
    found: dict[tuple[str, str], TokenSequence] = {}
    for prompt, response in texts:
        if (prompt, response) in found:
            continue
        if prompt not in prompts:
            prompts[prompt] = tuple(chat.prompt_ids(prompt))
            if not prompts[prompt]:
                raise TrainingError(f"the prompt '{prompt}' has no tokens, so nothing can follow it; remove it")
        ids = chat.response_ids(response, chat.max_length - len(prompts[prompt]))
        found[prompt, response] = TokenSequence(prompts[prompt], tuple(ids))
    return found


@dataclass(frozen=True)
class Row:
    """Responses to one prompt that share a row of the model's input: the prompt stands once before all of them."""

    prompt: tuple[int, ...]
    members: tuple[int, ...]

    def length(self, sequences: Sequence[TokenSequence]) -> int:
        """Return the number of positions; the last token of the prompt stands before each response."""
        return len(self.prompt) - 1 + sum(len(sequences[i].response) for i in self.members)


def rows_of(sequences: Sequence[TokenSequence], members: Iterable[int], longest: int | None) -> list[Row]:
    """Put sequences into rows.

    Parameters
    ----------
    sequences : sequence of TokenSequence
        All of them.
    members : iterable of int
        Which ones; those of one prompt should follow each other.
    longest : int or None
        Most positions of a row with several responses; None gives every response a row of its own.
    """
    rows: list[Row] = []
    room = 0
    for i in members:
        prompt, need = sequences[i].prompt, len(sequences[i].response)
        if longest is not None and rows and rows[-1].prompt == prompt and need <= room:
            rows[-1] = Row(prompt, (*rows[-1].members, i))
        else:
            rows.append(Row(prompt, (i,)))
            room = (longest or 0) - (len(prompt) - 1)
        room -= need
    return rows


@dataclass(frozen=True, eq=False)
class Packed:
    """Rows as tensors.

    Parameters
    ----------
    input_ids, position_ids : Tensor of int, shape (rows, positions)
        Tokens, padded on the right, and their positions in their own sequence.
    labels : Tensor of int, shape (rows, positions)
        The response token that a position predicts, or IGNORE.
    owner : Tensor of int, shape (labels that are not IGNORE,)
        To which of `members` each predicted token belongs, row by row.
    attention_mask : Tensor of float, shape (rows, 1, positions, positions), or None
        Added to the attention scores: 0 where a position may look, the lowest number elsewhere. A response sees its
        prompt and itself. None where every row has one response: the model's own causal mask is right then.
    members : tuple of int
        Which sequences, in the order of `owner`.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    labels: torch.Tensor
    owner: torch.Tensor
    attention_mask: torch.Tensor | None
    members: tuple[int, ...]


def pack(sequences: Sequence[TokenSequence], rows: Sequence[Row], pad: int, dtype: torch.dtype) -> Packed:
    """Turn rows into tensors.

    Parameters
    ----------
    sequences : sequence of TokenSequence
        All of them.
    rows : sequence of Row
        Which ones, in which rows.
    pad : int
        Token for padding; nothing looks at it.
    dtype : torch.dtype
        Of the attention mask: that of the model.
    """
    import torch

    width = max(row.length(sequences) for row in rows)
    shape = (len(rows), width)
    ids = torch.full(shape, pad, dtype=torch.long)
    positions = torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, IGNORE, dtype=torch.long)
    segment = torch.full(shape, _PAD_SEGMENT, dtype=torch.long)
    owner: list[int] = []
    members: list[int] = []
    for r, row in enumerate(rows):
        before = len(row.prompt) - 1
        tokens, place, predicted, part = (
            list(row.prompt[:-1]),
            list(range(before)),
            [IGNORE] * before,
            [_PROMPT_SEGMENT] * before,
        )
        for k, i in enumerate(row.members, start=1):
            response = sequences[i].response
            tokens += [row.prompt[-1], *response[:-1]] if response else []
            place += range(before, before + len(response))
            predicted += response
            part += [k] * len(response)
            owner += [len(members)] * len(response)
            members.append(i)
        n = len(tokens)
        for target, values in ((ids, tokens), (positions, place), (labels, predicted), (segment, part)):
            target[r, :n] = torch.tensor(values, dtype=torch.long)
    mask = _mask(segment, dtype) if any(len(row.members) > 1 for row in rows) else None
    return Packed(ids, positions, labels, torch.tensor(owner, dtype=torch.long), mask, tuple(members))


def _mask(segment: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Let a position look at earlier ones of its segment and at the prompt; padding looks at itself alone."""
    import torch

    width = segment.shape[1]
    seen = (segment[:, :, None] == segment[:, None, :]) | (segment[:, None, :] == _PROMPT_SEGMENT)
    seen &= torch.ones(width, width, dtype=torch.bool).tril()
    seen &= (segment != _PAD_SEGMENT)[:, :, None]
    seen |= torch.eye(width, dtype=torch.bool)
    mask = torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, torch.finfo(dtype).min)
    return mask[:, None]
