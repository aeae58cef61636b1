"""A judge that is a text-classification model of transformers, such as a toxicity classifier. It sees responses only.

Loaded without code of its own (``trust_remote_code=False``) and from safetensors only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from plural_core.errors import listing, nearest
from plural_core.evaluation.judges.base import Ask, JudgeError, Verdict

NOT = "not:"
"""Before a label: the score is 1 minus its probability."""
LONGEST = 512
"""Tokens that are read where neither model nor tokenizer names a longest length."""
_NO_LIMIT = 10**9
_PARTS_OF_A_MODEL = ("*.safetensors", "*.json", "*.txt", "*.model")

Activation = Literal["sigmoid", "softmax"]


@dataclass(frozen=True, eq=False)
class LoadedClassifier:
    """A classification model that is ready to be asked.

    Parameters
    ----------
    model, tokenizer : object
        As transformers gives them.
    labels : dict of str to int
        The model's labels and their columns.
    activation : {'sigmoid', 'softmax'}
        How its logits become probabilities.
    longest : int
        Tokens that are read; longer texts are cut at their end.
    fingerprint : str
        What the weights are: the hub's commit, or a hash of the folder's files.
    """

    model: Any
    tokenizer: Any
    labels: dict[str, int]
    activation: Activation
    longest: int
    fingerprint: str


class ClassifierJudge:
    """A judge that is a classification model; the probability of a label is the score.

    Parameters
    ----------
    name : str
        Its key in the study's ``judges``.
    model : str
        Model id of the hub, or a folder.
    labels : mapping of str to str
        For each dimension the label whose probability is the score; ``not:LABEL`` for 1 minus it.
    batch : int
        Texts per batch; halved when the memory of a GPU runs out.
    dimensions : sequence of str, optional
        Those of `labels` that are scored (default: all).
    device : str, optional
        As of torch (default: a GPU where there is one).

    Notes
    -----
    The model is loaded when it is first needed.
    """

    def __init__(
        self,
        name: str,
        model: str,
        labels: Mapping[str, str],
        *,
        batch: int = 32,
        dimensions: Sequence[str] | None = None,
        device: str | None = None,
    ):
        self._name = name
        self._source = model
        self._wanted = {d: labels[d] for d in (labels if dimensions is None else dimensions) if d in labels}
        self._batch = batch
        self._device = device
        self._loaded: LoadedClassifier | None = None

    @property
    def name(self) -> str:
        """Its key in the study's ``judges``."""
        return self._name

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Dimensions that it scores."""
        return tuple(self._wanted)

    def version(self, dimension: str) -> str:
        """Return a hash of the model's weights, the label and how a text is read.

        Raises
        ------
        JudgeError
            The model cannot be loaded, or has no such label.
        """
        loaded, label = self._ready(dimension)
        content = "\n".join([self._source, loaded.fingerprint, label, loaded.activation, str(loaded.longest)])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def judge(self, dimension: str, asks: Sequence[Ask]) -> Iterator[tuple[int, Verdict]]:
        """Score texts in batches of like length; see `Judge`.

        Raises
        ------
        JudgeError
            The model cannot be loaded, or has no such label.
        """
        loaded, label = self._ready(dimension)
        column = loaded.labels[label.removeprefix(NOT)]
        order = sorted(range(len(asks)), key=lambda i: len(asks[i].response))
        start = 0
        while start < len(order):
            rows = order[start : start + self._batch]
            probabilities = self._try(loaded, [asks[i].response for i in rows])
            if probabilities is None:
                continue  # the batch was halved
            start += len(rows)
            for i, p in zip(rows, probabilities[:, column].tolist(), strict=True):
                score = 1.0 - p if label.startswith(NOT) else p
                yield i, Verdict(score) if score == score else Verdict.missing("the classifier gives no number")

    def _try(self, loaded: LoadedClassifier, texts: list[str]) -> npt.NDArray[np.float64] | None:
        import torch

        try:
            return probabilities_of(loaded, texts)
        except torch.cuda.OutOfMemoryError:
            if self._batch == 1:
                raise JudgeError(f"judge '{self._name}': one text does not fit into the GPU's memory") from None
            self._batch = max(1, self._batch // 2)
            torch.cuda.empty_cache()
            return None

    def _ready(self, dimension: str) -> tuple[LoadedClassifier, str]:
        if dimension not in self._wanted:
            raise JudgeError(
                f"judge '{self._name}' has no label for '{dimension}'.{nearest(dimension, self._wanted)} "
                f"Add it to judges.{self._name}.labels"
            )
        if self._loaded is None:
            self._loaded = load_classifier(self._name, self._source, self._device)
        label = self._wanted[dimension]
        known = self._loaded.labels
        if label.removeprefix(NOT) not in known:
            raise JudgeError(
                f"judge '{self._name}': the model has no label '{label.removeprefix(NOT)}'."
                f"{nearest(label.removeprefix(NOT), known)} It has {listing(known)}"
            )
        return self._loaded, label


def probabilities_of(loaded: LoadedClassifier, texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return the probability of each label, shape (texts, labels); long texts are cut at their end."""
    import torch

    # A tokenizer that adds nothing makes nothing of an empty text, and models need a token.
    inputs = loaded.tokenizer(
        [text or " " for text in texts],
        return_tensors="pt",
        padding=len(texts) > 1,
        truncation=True,
        max_length=loaded.longest,
    ).to(loaded.model.device)
    with torch.inference_mode():
        logits = loaded.model(**inputs).logits.double()
        p = torch.sigmoid(logits) if loaded.activation == "sigmoid" else torch.softmax(logits, dim=-1)
    result: npt.NDArray[np.float64] = p.cpu().numpy()
    return result


def load_classifier(name: str, source: str, device: str | None = None) -> LoadedClassifier:
    """Load a classification model and its tokenizer.

    Parameters
    ----------
    name : str
        Of the judge, for messages.
    source : str
        Model id of the hub, or a folder.
    device : str, optional
        As of torch (default: a GPU where there is one).

    Raises
    ------
    JudgeError
        The folder is not there, is no classification model, has no safetensors, or the hub cannot be reached.
    """
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    where = f"judge '{name}': model '{source}'"
    folder = Path(source).expanduser()
    if not folder.is_dir() and (source.startswith((".", "/", "~")) or source.count("/") > 1):
        raise JudgeError(f"{where}: there is no such folder")
    target = str(folder) if folder.is_dir() else source
    try:
        tokenizer = AutoTokenizer.from_pretrained(target, trust_remote_code=False)
        model, info = AutoModelForSequenceClassification.from_pretrained(
            target, trust_remote_code=False, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise JudgeError(f"{where} cannot be loaded: {_first_line(error)}") from None
    if info["missing_keys"]:
        raise JudgeError(
            f"{where} is no trained classifier: it has no weights for {listing(sorted(info['missing_keys']), 3)}"
        )
    if model.config.problem_type == "regression":
        raise JudgeError(f"{where} is a regression model; its numbers are no probabilities")
    _pad(model, tokenizer)
    model = model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval()
    n_labels = int(model.config.num_labels)
    one_by_one = model.config.problem_type == "multi_label_classification" or n_labels == 1
    return LoadedClassifier(
        model=model,
        tokenizer=tokenizer,
        labels={str(label): int(column) for column, label in model.config.id2label.items()},
        activation="sigmoid" if one_by_one else "softmax",
        longest=longest_of(model.config, tokenizer),
        fingerprint=folder_hash(folder) if folder.is_dir() else str(getattr(model.config, "_commit_hash", "") or ""),
    )


def longest_of(config: Any, tokenizer: Any) -> int:
    """Return how many tokens a model can read: the smaller of its own and its tokenizer's limit."""
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and "roberta" in str(config.model_type):
        positions -= int(config.pad_token_id) + 1  # RoBERTa counts its positions from the padding token on
    limits = [tokenizer.model_max_length, positions]
    known = [int(limit) for limit in limits if isinstance(limit, int) and 0 < limit < _NO_LIMIT]
    return min(known, default=LONGEST)


def folder_hash(folder: Path) -> str:
    """Return a hash of the files that make a model, 16 hex digits; the folder's place does not count."""
    total = hashlib.sha256()
    for path in sorted({path for pattern in _PARTS_OF_A_MODEL for path in folder.glob(pattern)}):
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        total.update(f"{path.name} {digest}\n".encode())
    return total.hexdigest()[:16]


def _pad(model: Any, tokenizer: Any) -> None:
    """Give model and tokenizer one padding token; without it a batch of texts cannot be read."""
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
