"""Base models: found where they were trained before, trained from scratch where they were not, and accepted."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from plural_core.io import attempt, read_json, write_json
from plural_core.simulation.lexicon import Lexicon
from plural_core.study import Study, StudyConfig
from plural_core.study.models_config import TINY_FAMILIES, TinyConfig
from plural_core.training.acceptance import Acceptance, accept
from plural_core.training.corpus import StudyTexts, corpus_hash, study_texts
from plural_core.training.families import FAMILY_LABELS, architecture, family_seed, family_settings, new_model
from plural_core.training.threads import set_threads
from plural_core.training.trained import TrainingError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from plural_core.training.load import LoadedModel

RECORD = "base.json"
RECIPE = 1
"""Number of the training code: raised whenever the same settings would give another model."""
Progress = Callable[[int, int], None]
"""Called with the number of updates done and of all updates."""
MAX_NEW_TOKENS = 128
"""Longest answer at acceptance in tokens; in the default vocabulary the world's longest response has 87."""


@dataclass(frozen=True)
class BaseModel:
    """A base model that is ready to be loaded.

    Parameters
    ----------
    family : str
        Its name in the study.
    label : str
        Its name for readers.
    source : str
        ``trained here``, or the model id or folder that it comes from.
    fingerprint : str
        Hash of everything that made it: whatever is computed from it depends on this.
    parameters : int
        Number of parameters.
    seconds, cpu_seconds : float or None
        Training time by the clock, and of all threads together; None where it was not trained here.
    steps, n_texts : int or None
        Updates, and texts that it was trained on.
    loss : float or None
        Mean loss per response token at the end of training, in nats.
    acceptance : Acceptance or None
        How it answers, where the study is simulated and the model was trained here.
    """

    family: str
    label: str
    source: str
    fingerprint: str
    parameters: int
    seconds: float | None = None
    cpu_seconds: float | None = None
    steps: int | None = None
    n_texts: int | None = None
    loss: float | None = None
    acceptance: Acceptance | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return its row of table ``base_models``."""
        found = self.acceptance
        row = {
            "family": self.family,
            "label": self.label,
            "source": self.source,
            "parameters": self.parameters,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "steps": self.steps,
            "n_texts": self.n_texts,
            "loss": self.loss,
            "n_prompts": found.n_prompts if found else 0,
            "valid_share": found.valid if found else None,
            "distinct_share": found.distinct if found else None,
            "toxicity_mean": found.mean if found else None,
            "toxicity_sd": found.sd if found else None,
            "fingerprint": self.fingerprint,
        }
        numbers = ("seconds", "cpu_seconds", "loss", "valid_share", "distinct_share", "toxicity_mean", "toxicity_sd")
        return pd.DataFrame([row]).astype({"steps": "Int64", "n_texts": "Int64", **dict.fromkeys(numbers, float)})


def base_models_frame(models: Iterable[BaseModel]) -> pd.DataFrame:
    """Return table ``base_models``, sorted by family."""
    frames = [model.to_frame() for model in models]
    if not frames:
        return BaseModel("", "", "", "", 0).to_frame().iloc[:0]
    return pd.concat(frames).sort_values("family", ignore_index=True)


def study_base_models(study: Study) -> pd.DataFrame:
    """Return table ``base_models`` of the families that `ensure_base` has seen to; none is trained or loaded."""
    found = [read_base(base_folder(study, family)) for family in study.config.models.families]
    return base_models_frame(made for made in found if made is not None)


def base_folder(study: Study, family: str) -> Path:
    """Return the folder of a base model's record, and of the model itself where it is trained here."""
    return study.models / family / "base"


def ensure_base(study: Study, family: str, progress: Progress | None = None) -> BaseModel:
    """Return a base model; train it first where it is tiny and not there yet.

    The same settings, texts, code and library versions give the same fingerprint, and that is not trained again.
    An interrupted training starts again. What stands in the folder is always a whole model.

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
        answers fail a bar: the message names the bar and the value. A model that failed is kept and not trained
        again, so the same error comes at once.
    """
    if family in study.config.models.hub:
        from plural_core.training.hub import describe_hub

        known = describe_hub(study, family)
        write_json(_plain(known), base_folder(study, family) / RECORD)
        return known
    if family not in TINY_FAMILIES:
        raise TrainingError(f"base model '{family}': neither a tiny architecture nor a name under models.hub")
    texts = study_texts(study)
    parts = recipe(study.config, family, texts)
    fingerprint = hash_of(parts)
    folder = base_folder(study, family)
    made = read_base(folder)
    if made is None or made.fingerprint != fingerprint:
        made = _train(study, family, texts, parts, fingerprint, progress)
    _check(study.config, made)
    return made


def recipe(config: StudyConfig, family: str, texts: StudyTexts) -> dict[str, Any]:
    """Return everything that makes a tiny base model."""
    tiny = family_settings(config.models.tiny, family)
    return {
        "family": family,
        "settings": tiny.model_dump(mode="json", exclude={"seed"}),
        "seed": family_seed(_seed(config), family),
        "texts": corpus_hash(texts.corpus),
        "acceptance": hash_of({"prompts": texts.acceptance["prompt"].tolist()}),
        "recipe": RECIPE,
        "versions": {name: version(name) for name in ("torch", "transformers", "tokenizers")},
    }


def hash_of(parts: dict[str, Any]) -> str:
    """Return a short SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def read_base(folder: Path) -> BaseModel | None:
    """Return the base model in a folder, None where there is none or its record is damaged."""
    raw = attempt(read_json, folder / RECORD)
    try:
        accepted = raw["acceptance"]
        return BaseModel(
            **{name: raw[name] for name in BaseModel.__dataclass_fields__ if name != "acceptance"},
            acceptance=None if accepted is None else Acceptance(**{k: _number(v) for k, v in accepted.items()}),
        )
    except (TypeError, KeyError):
        return None


def _train(
    study: Study,
    family: str,
    texts: StudyTexts,
    parts: dict[str, Any],
    fingerprint: str,
    progress: Progress | None,
) -> BaseModel:
    import torch

    from plural_core.training.chat import ChatFormat
    from plural_core.training.fit import fit
    from plural_core.training.load import assemble
    from plural_core.training.tokenizer import train_tokenizer

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
        label=FAMILY_LABELS[family],
        source="trained here",
        fingerprint=fingerprint,
        parameters=loaded.n_parameters,
        seconds=fitted.seconds,
        cpu_seconds=fitted.cpu_seconds,
        steps=fitted.steps,
        n_texts=len(corpus),
        loss=fitted.loss,
        acceptance=_accept(study.config, loaded, texts.acceptance),
    )
    _save(model, tokenizer, {**_plain(made), "made_from": parts}, base_folder(study, family))
    return made


def _accept(config: StudyConfig, loaded: LoadedModel, prompts: pd.DataFrame) -> Acceptance | None:
    if prompts.empty:
        return None
    from plural_core.evaluation.generate import generate

    answers = generate(loaded, prompts, max_new_tokens=MAX_NEW_TOKENS, batch=len(prompts))
    return accept(answers.merge(prompts[["prompt_id", "language"]], on="prompt_id"), Lexicon.of(config))


def _check(config: StudyConfig, made: BaseModel) -> None:
    wanted = config.models.check_answers
    if not (config.simulated if wanted is None else wanted) or made.acceptance is None:
        return
    faults = made.acceptance.failures()
    if faults:
        raise TrainingError(
            f"base model '{made.family}' is not accepted on {made.acceptance.n_prompts} prompts: {'; '.join(faults)}. "
            "Train longer (models.tiny.steps), or choose another models.tiny.seed"
        )


def _save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, record: dict[str, Any], folder: Path) -> None:
    """Write a whole model under another name, then put it in place of what was there."""
    from safetensors import SafetensorError

    from plural_core.training.load import without_bars

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for left in folder.parent.glob(f".{folder.name}-*"):
            shutil.rmtree(left, ignore_errors=True)  # of a training that was killed while it wrote
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        part.chmod(0o755)
        with without_bars():
            model.save_pretrained(part)
            tokenizer.save_pretrained(part)
        write_json(record, part / RECORD)
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
    except (OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise TrainingError(f"{folder}: the base model cannot be written ({reason}); free some space") from None


def _seed(config: StudyConfig) -> int:
    return config.seed if config.models.tiny.seed is None else config.models.tiny.seed


def _plain(made: BaseModel) -> dict[str, Any]:
    """Return a record without NaN, which JSON does not know."""
    raw = asdict(made)
    if raw["acceptance"]:
        raw["acceptance"] = {k: None if v != v else v for k, v in raw["acceptance"].items()}
    return raw


def _number(value: Any) -> Any:
    return math.nan if value is None else value
