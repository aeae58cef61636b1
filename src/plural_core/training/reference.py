"""Log-probabilities of responses under the base model: once per family and text, for all conditions together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from plural_core.io import attempt, read_table, write_table
from plural_core.training.groups import Text
from plural_core.training.scoring import fused_head, halving, log_probs, shares_prompts
from plural_core.training.sequences import Row, TokenSequence, encode, pack, rows_of
from plural_core.training.trained import TrainingError

if TYPE_CHECKING:
    from plural_core.training.load import LoadedModel

COLUMNS = ["sequence", "fingerprint", "n_tokens", "log_prob"]
BATCH_POSITIONS = {"cpu": 4096, "cuda": 32768}
"""Positions per forward pass, padding included."""
BATCH_LOGITS = 2**26
"""Predicted tokens times vocabulary per forward pass without a fused head: 256 MB in float32."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Responses as tokens, with their log-probabilities under a base model.

    Parameters
    ----------
    fingerprint : str
        The base model's.
    encoded : mapping of (prompt, response) to TokenSequence
        Tokens of every text.
    values : mapping of str to float
        Log-probability of every sequence by its key, summed over the response's tokens, its end included.
    shared : bool
        Whether this model scores responses the same when they share a row with their prompt.
    computed : int
        How many were computed now, and not read.
    """

    fingerprint: str
    encoded: Mapping[Text, TokenSequence]
    values: Mapping[str, float]
    shared: bool
    computed: int

    def of(self, sequences: Iterable[TokenSequence]) -> np.ndarray:
        """Return the log-probabilities of some sequences, shape (sequences,)."""
        return np.array([self.values[s.key] for s in sequences])


def reference_log_probs(loaded: LoadedModel, texts: Iterable[Text], path: Path | None = None) -> Reference:
    """Return the log-probabilities of responses under a base model; what `path` has already is not computed again.

    Parameters
    ----------
    loaded : LoadedModel
        The base model.
    texts : iterable of (prompt, response)
        Texts of all conditions; each is scored once, however often it is named.
    path : Path, optional
        Table to read from and to add to: sequence (hash of the tokens, so of the texts and of the chat format),
        fingerprint (of the model), n_tokens (of the response), log_prob. Rows of another model are dropped.

    Raises
    ------
    TrainingError
        A log-probability is not a finite number, or not even one response fits into memory.
    """
    encoded = encode(loaded.chat, texts)
    by_key = {sequence.key: sequence for sequence in encoded.values()}
    stored = _read(path, loaded.fingerprint)
    known = dict(zip(stored["sequence"], stored["log_prob"], strict=True))
    todo = [sequence for key, sequence in by_key.items() if key not in known]
    shared = shares_prompts(loaded.model, list(by_key.values()), _pad(loaded))
    if todo:
        found = _score(loaded, todo, shared)
        new = pd.DataFrame(
            {
                "sequence": [s.key for s in todo],
                "fingerprint": loaded.fingerprint,
                "n_tokens": [len(s.response) for s in todo],
                "log_prob": found,
            }
        )
        known |= dict(zip(new["sequence"], new["log_prob"], strict=True))
        if path is not None:
            whole = pd.concat([stored, new], ignore_index=True) if len(stored) else new
            write_table(whole.sort_values("sequence", ignore_index=True), path)
    return Reference(loaded.fingerprint, encoded, {key: float(known[key]) for key in by_key}, shared, len(todo))


def _read(path: Path | None, fingerprint: str) -> pd.DataFrame:
    nothing = pd.DataFrame(columns=COLUMNS)
    if path is None:
        return nothing
    frame = attempt(read_table, path, nothing)
    if not set(COLUMNS) <= set(frame.columns):
        return nothing
    own: pd.DataFrame = frame.loc[frame["fingerprint"] == fingerprint, COLUMNS]
    return own.reset_index(drop=True)


def _pad(loaded: LoadedModel) -> int:
    pad = loaded.tokenizer.pad_token_id
    return pad if isinstance(pad, int) else 0


def _score(loaded: LoadedModel, sequences: Sequence[TokenSequence], shared: bool) -> np.ndarray:
    """Return the log-probabilities of sequences, rows of like length together."""
    import torch

    members = sorted(range(len(sequences)), key=lambda i: (sequences[i].prompt, i))
    rows = rows_of(sequences, members, loaded.chat.max_length if shared else None)
    dtype = next(loaded.model.parameters()).dtype
    result = np.full(len(sequences), np.nan)
    most = len(rows)
    fused = loaded.device != "cpu"
    with torch.no_grad(), fused_head(loaded.model) if fused else nullcontext():
        for batch in _batches(sequences, rows, loaded, fused):

            def run(size: int, batch: list[Row] = batch) -> None:
                for i in range(0, len(batch), size):
                    packed = pack(sequences, batch[i : i + size], _pad(loaded), dtype)
                    result[list(packed.members)] = log_probs(loaded.model, packed, fused).double().cpu().numpy()

            size = min(len(batch), most)
            try:
                fitted = halving(run, size)[1]
            except torch.OutOfMemoryError:
                raise TrainingError(
                    f"base model '{loaded.family}': one response does not fit into the GPU's memory; "
                    "lower training.max_length, or take a smaller model"
                ) from None
            most = fitted if fitted < size else most
    if not np.isfinite(result).all():
        raise TrainingError(
            f"base model '{loaded.family}': {int((~np.isfinite(result)).sum())} responses have no finite "
            "log-probability; the model's weights are damaged, or its precision is too low (dtype: float32)"
        )
    return result


def _batches(
    sequences: Sequence[TokenSequence], rows: list[Row], loaded: LoadedModel, fused: bool
) -> Iterator[list[Row]]:
    """Put rows of like length together, as many as positions and logits allow."""
    positions = BATCH_POSITIONS.get(loaded.device, BATCH_POSITIONS["cuda"])
    vocabulary = 0 if fused else int(loaded.model.config.get_text_config().vocab_size)
    rows = sorted(rows, key=lambda row: row.length(sequences))
    batch: list[Row] = []
    predicted = 0
    for row in rows:
        more = sum(len(sequences[i].response) for i in row.members)
        full = (len(batch) + 1) * row.length(sequences) > positions
        full |= (predicted + more) * vocabulary > BATCH_LOGITS
        if batch and full:
            yield batch
            batch, predicted = [], 0
        batch.append(row)
        predicted += more
    if batch:
        yield batch
