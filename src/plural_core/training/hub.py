"""Base models that exist already: a model id of a hub, or a local folder; safetensors only, no code of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plural_core.manifest import file_hash
from plural_core.study import Study
from plural_core.study.models_config import HubModelConfig
from plural_core.training.base_record import BaseModel
from plural_core.training.load import LoadedModel, assemble, from_folder, without_bars
from plural_core.training.trained import TrainingError

if TYPE_CHECKING:
    import torch

_SMALL_FILES = ("*.json", "*.jinja", "*.model", "*.txt")
"""Files of a model folder that are hashed by content; weights are too large for that, names and sizes must do."""


def load_hub(study: Study, family: str, device: str) -> LoadedModel:
    """Load a model that exists already; on a GPU in bfloat16 and with gradient checkpointing unless told otherwise.

    Raises
    ------
    TrainingError
        The folder or model id cannot be found or loaded; the message says what was looked for, and what to do.
    """
    entry = study.config.models.hub[family]
    source = locate(study, entry)
    with explained(family, entry, source):
        _check_folder(source)
        dtype = choose_dtype(entry, device)
        with without_bars():
            model, tokenizer = from_folder(source, dtype, **_revision(entry, source))
        loaded = assemble(
            family, model, tokenizer, study.config.training.max_length, device, fingerprint_of(entry, source, model)
        )
    wanted = entry.gradient_checkpointing
    if device != "cpu" if wanted is None else wanted:
        _checkpoint_activations(model)
    return loaded


def describe_hub(study: Study, family: str) -> BaseModel:
    """Return what a model is without loading its weights: a missing one stops the study before any training."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    entry = study.config.models.hub[family]
    source = locate(study, entry)
    where: dict[str, Any] = {"trust_remote_code": False, **_revision(entry, source)}
    with explained(family, entry, source):
        _check_folder(source)
        config = AutoConfig.from_pretrained(str(source), **where)
        AutoTokenizer.from_pretrained(str(source), **where)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return BaseModel(
        family=family,
        label=study.config.models.label(family),
        source=entry.model,
        fingerprint=fingerprint_of(entry, source, model),
        parameters=sum(p.numel() for p in model.parameters()),
    )


def locate(study: Study, entry: HubModelConfig) -> Path | str:
    """Return the folder of a model, else its id.

    A folder is looked up as given, beside the config, and below the working directory.
    """
    given = Path(entry.model).expanduser()
    places = [given] if given.is_absolute() else [Path.cwd() / given]
    if study.source is not None and not given.is_absolute():
        places.insert(0, study.source.parent / given)
    for place in places:
        if place.is_dir():
            return place.resolve()
    return given if given.is_absolute() or entry.model.startswith((".", "~")) else entry.model


def choose_dtype(entry: HubModelConfig, device: str) -> torch.dtype:
    """Return the precision of the weights; auto is bfloat16 on a GPU that has it, else float32."""
    import torch

    if entry.dtype == "auto":
        return torch.bfloat16 if device != "cpu" and torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if entry.dtype == "bfloat16" else torch.float32


def fingerprint_of(entry: HubModelConfig, source: Path | str, model: Any) -> str:
    """Return a short SHA-256 of what a model is.

    Of a model id: the id and its commit. Of a folder: names and sizes of its weights, and the content of everything
    else; whoever changes weights and keeps their size must change the folder's config too.
    """
    digest = hashlib.sha256()
    if isinstance(source, Path):
        for path in sorted(source.glob("*.safetensors")):
            digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        for path in sorted(path for pattern in _SMALL_FILES for path in source.glob(pattern)):
            digest.update(f"{path.name} {file_hash(path)}\n".encode())
    else:
        commit = getattr(model.config, "_commit_hash", None) or entry.revision or ""
        digest.update(f"{source} {commit}".encode())
    digest.update(entry.dtype.encode())
    return digest.hexdigest()[:16]


@contextmanager
def explained(family: str, entry: HubModelConfig, source: Path | str) -> Iterator[None]:
    """Turn what transformers raises into one line."""
    import torch
    from safetensors import SafetensorError

    try:
        yield
    except TrainingError:
        raise
    except torch.cuda.OutOfMemoryError:
        raise TrainingError(
            f"base model '{family}': {entry.model} does not fit into the GPU's memory; take a smaller model or "
            "dtype: bfloat16"
        ) from None
    except (OSError, ValueError, ImportError, KeyError, RuntimeError, SafetensorError) as error:
        raise TrainingError(f"base model '{family}': {_reason(error, entry, source)}") from None


def _checkpoint_activations(model: Any) -> None:
    """Keep activations at the layers' borders only, and compute the others again for the gradient."""
    if hasattr(model, "activation_checkpointing_enable"):  # the name of newer versions of transformers
        model.activation_checkpointing_enable({"use_reentrant": False})
    else:
        model.gradient_checkpointing_enable({"use_reentrant": False})


def _reason(error: Exception, entry: HubModelConfig, source: Path | str) -> str:
    first = " ".join(str(error).split())[:200]
    text = f"{error} {error.__cause__ or ''}".lower()
    if "custom code" in text or "trust_remote_code" in text:
        return f"{source} needs code of its own, which is never run; choose another model"
    if isinstance(source, Path):
        return first if first.startswith(str(source)) else f"{source} cannot be loaded ({first})"
    if "gated" in text or "401" in text or "403" in text:
        return f"{source} is gated; accept its terms on its page and log in (hf auth login), then run again"
    return (
        f"{source} cannot be loaded ({first}); check the id and the network, or download it first and name its folder"
    )


def _check_folder(source: Path | str) -> None:
    """Raise OSError where a folder is not there or has no safetensors."""
    if not isinstance(source, Path):
        return
    if not source.is_dir():
        raise OSError(f"{source}: there is no such folder; give the folder of a model or a model id (models.hub)")
    if not any(source.glob("*.safetensors")):
        raise OSError(f"{source} has no weights in safetensors; nothing else is read, so convert them first")


def _revision(entry: HubModelConfig, source: Path | str) -> dict[str, str]:
    return {"revision": entry.revision} if entry.revision and not isinstance(source, Path) else {}
