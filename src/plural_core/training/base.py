"""Base models: found where they were trained before, trained from scratch where they were not, and accepted."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from plural_core.io import write_json
from plural_core.simulation.lexicon import Lexicon
from plural_core.study import Study, StudyConfig
from plural_core.study.models_config import TINY_FAMILIES, TinyConfig
from plural_core.training.acceptance import Acceptance, accept
from plural_core.training.base_record import (
    RECORD,
    BaseModel,
    base_folder,
    base_models_frame,
    plain_record,
    read_base,
    study_base_models,
)
from plural_core.training.corpus import StudyTexts, corpus_hash, study_texts
from plural_core.training.families import architecture, family_seed, family_settings, new_model
from plural_core.training.threads import set_threads
from plural_core.training.trained import TrainingError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from plural_core.training.load import LoadedModel

__all__ = ["BaseModel", "base_folder", "base_models_frame", "ensure_base", "hash_of", "read_base", "study_base_models"]

RECIPE = 1
"""Number of the training code: raised whenever the same settings would give another model."""
Progress = Callable[[int, int], None]
"""Called with the number of updates done and of all updates."""
MAX_NEW_TOKENS = 128
"""Longest answer at acceptance in tokens; in the default vocabulary the world's longest response has 87."""


def ensure_base(study: Study, family: str, progress: Progress | None = None) -> BaseModel:
    """Return a base model; train it first where it is tiny and not there yet.

    The same settings, texts, code and library versions give the same fingerprint, and that is not trained again.
    An interrupted training starts again. What stands in the folder is always a whole model. One that misses a bar is
    trained again with another seed, up to ``models.tiny.attempts`` times; its figures stay in the record.

    Parameters
    ----------
    study : Study
        With its table ``items`` where the ratings are real.
    family : str
        A tiny architecture, or a name under ``models.hub``.
    progress : callable, optional
        Called with the updates done and all updates, while it trains.

    Raises
    ------
    TrainingError
        The model is not there or cannot be loaded (hub), its loss is not a number, it cannot be written, or its
        answers miss a bar in every attempt: the message names the bar and the value. The last model is kept and not
        trained again, so the same error comes at once.
    """
    if family in study.config.models.hub:
        from plural_core.training.hub import describe_hub

        known = describe_hub(study, family)
        write_json(plain_record(known), base_folder(study, family) / RECORD)
        return known
    if family not in TINY_FAMILIES:
        raise TrainingError(f"base model '{family}': neither a tiny architecture nor a name under models.hub")
    texts = study_texts(study)
    tiny = study.config.models.tiny
    marks = [hash_of(recipe(study.config, family, texts, turn)) for turn in range(tiny.attempts)]
    folder = base_folder(study, family)
    made = read_base(folder) if (folder / "model.safetensors").is_file() else None
    first = 0
    if made is not None and made.fingerprint in marks:
        if not _faults(study.config, made):
            return made
        first = marks.index(made.fingerprint) + 1
    rejected = [made] if made is not None and first else []
    for turn in range(first, tiny.attempts):
        made = _train(study, family, texts, turn, rejected, progress)
        if not _faults(study.config, made):
            return made
        rejected.append(made)
    assert made is not None  # there is at least one attempt
    raise TrainingError(_refusal(study.config, made))


def recipe(config: StudyConfig, family: str, texts: StudyTexts, attempt: int = 0) -> dict[str, Any]:
    """Return everything that makes a tiny base model; each attempt has a seed of its own."""
    tiny = family_settings(config.models.tiny, family)
    return {
        "family": family,
        "settings": tiny.model_dump(mode="json", exclude={"seed", "attempts"}),
        "seed": family_seed(_seed(config), family, attempt),
        "attempt": attempt + 1,
        "texts": corpus_hash(texts.corpus),
        "acceptance": hash_of({"prompts": texts.acceptance["prompt"].tolist()}),
        "recipe": RECIPE,
        "versions": {name: version(name) for name in ("torch", "transformers", "tokenizers")},
    }


def hash_of(parts: dict[str, Any]) -> str:
    """Return a short SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def _train(
    study: Study,
    family: str,
    texts: StudyTexts,
    attempt: int,
    rejected: Sequence[BaseModel],
    progress: Progress | None,
) -> BaseModel:
    """Train, examine and keep a tiny base model, with the figures of those that were rejected before it."""
    import torch

    from plural_core.training.chat import ChatFormat
    from plural_core.training.fit import fit
    from plural_core.training.load import assemble
    from plural_core.training.tokenizer import train_tokenizer

    parts = recipe(study.config, family, texts, attempt)
    fingerprint = hash_of(parts)
    set_threads(study.config.training)
    settings = TinyConfig.model_validate(parts["settings"])
    corpus = texts.corpus
    whole = pd.concat([corpus["prompt"], corpus["response"]])
    tokenizer = train_tokenizer(whole, settings.vocabulary, settings.context)
    tokens = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")}
    torch.manual_seed(parts["seed"])
    model = new_model(architecture(family, settings, len(tokenizer), tokens))
    chat = ChatFormat(tokenizer, settings.context)
    sequences = [
        (ids, chat.response_ids(response, settings.context - len(ids)))
        for prompt, response in zip(corpus["prompt"], corpus["response"], strict=True)
        for ids in [chat.prompt_ids(prompt)]
    ]
    report = (lambda done: progress(done, settings.steps)) if progress else (lambda done: None)
    fitted = fit(model, sequences, settings, parts["seed"], report)
    loaded = assemble(family, model, tokenizer, settings.context, "cpu", fingerprint)
    made = BaseModel(
        family=family,
        label=study.config.models.label(family),
        source="trained here",
        fingerprint=fingerprint,
        parameters=loaded.n_parameters,
        seconds=fitted.seconds,
        cpu_seconds=fitted.cpu_seconds,
        steps=fitted.steps,
        n_texts=len(corpus),
        loss=fitted.loss,
        attempts=attempt + 1,
        acceptance=_accept(study.config, loaded, texts.acceptance),
    )
    record = {**plain_record(made), "rejected": [plain_record(other) for other in rejected], "made_from": parts}
    _save(model, tokenizer, record, base_folder(study, family))
    return made


def _accept(config: StudyConfig, loaded: LoadedModel, prompts: pd.DataFrame) -> Acceptance | None:
    if prompts.empty:
        return None
    from plural_core.evaluation.generate import generate

    answers = generate(loaded, prompts, max_new_tokens=MAX_NEW_TOKENS, batch=len(prompts))
    return accept(answers.merge(prompts[["prompt_id", "language"]], on="prompt_id"), Lexicon.of(config))


def _faults(config: StudyConfig, made: BaseModel) -> list[str]:
    """Return the bars that a model misses, where the study holds it to them."""
    wanted = config.models.check_answers
    if not (config.simulated if wanted is None else wanted) or made.acceptance is None:
        return []
    return made.acceptance.failures()


def _refusal(config: StudyConfig, made: BaseModel) -> str:
    again = f", after {made.attempts} trainings with seeds of their own," if (made.attempts or 1) > 1 else ""
    prompts = made.acceptance.n_prompts if made.acceptance else 0
    return (
        f"base model '{made.family}'{again} is not accepted on {prompts} prompts: {'; '.join(_faults(config, made))}. "
        "Train longer (models.tiny.steps), or choose another models.tiny.seed"
    )


def _save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, record: dict[str, Any], folder: Path) -> None:
    """Write a whole model under another name, then put it in place of what was there."""
    from safetensors import SafetensorError

    from plural_core.training.load import without_bars

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        part.chmod(0o755)
        with without_bars():
            model.save_pretrained(part)
            tokenizer.save_pretrained(part)
        write_json(record, part / RECORD)
        if folder.exists():
            folder.rename(part.with_name(f"{part.name}-earlier"))
        part.rename(folder)
        _sweep(folder)
    except (OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise TrainingError(f"{folder}: the base model cannot be written ({reason}); free some space") from None


def _sweep(folder: Path) -> None:
    """Remove earlier models, and what trainings left that were killed while they wrote."""
    for left in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(left, ignore_errors=True)


def _seed(config: StudyConfig) -> int:
    return config.seed if config.models.tiny.seed is None else config.models.tiny.seed
