"""Base models into memory: tiny ones, folders, and what cannot be loaded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch

from plural_core.errors import ConfigError
from plural_core.study import Study
from plural_core.training.base import base_folder, ensure_base, study_base_models
from plural_core.training.hub import explained, fingerprint_of, load_hub, locate
from plural_core.training.load import LoadedModel, choose_device, load_base
from plural_core.training.threads import n_threads, set_threads
from plural_core.training.trained import TrainingError
from tests.tiny_models import make_tiny_study

PROMPT, RESPONSE = "Is it normal that my father wants to cook?", "That is of no importance. Only the facts count here."


@pytest.fixture
def copy_of(tiny_study: Study, tiny_loaded: LoadedModel, tmp_path: Path) -> Callable[..., Study]:
    """A copy of the tiny model, changed by a test, as a folder under ``models.hub``."""

    def make(change: Callable[[Path], object] = lambda folder: None, *settings: str) -> Study:
        folder = tmp_path / "model"
        shutil.copytree(base_folder(tiny_study, tiny_loaded.family), folder)
        change(folder)
        return hub_study(tmp_path, str(folder), *settings)

    return make


def hub_study(folder: Path, model: str, *settings: str) -> Study:
    return make_tiny_study(
        folder / "results", f"models.hub={{own: {{model: {model!r}}}}}", "models.families=[own]", *settings
    )


def edit(name: str, **changes: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        for key, value in changes.items():
            if value is None:
                content.pop(key, None)
            else:
                content[key] = value
        (folder / name).write_text(json.dumps(content))

    return change


def without_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    edit("tokenizer_config.json", chat_template=None)(folder)


def checkpoints(model: torch.nn.Module) -> bool:
    return any(getattr(module, "gradient_checkpointing", False) for module in model.modules())


def logits(loaded: LoadedModel) -> torch.Tensor:
    ids = [*loaded.chat.prompt_ids(PROMPT), *loaded.chat.response_ids(RESPONSE)]
    with torch.inference_mode():
        return loaded.model(input_ids=torch.tensor([ids])).logits


def test_a_tiny_model_is_ready_to_answer(tiny_study: Study, tiny_loaded: LoadedModel) -> None:
    assert (tiny_loaded.family, tiny_loaded.device) == ("llama", "cpu")
    assert not tiny_loaded.model.training
    assert next(tiny_loaded.model.parameters()).dtype == torch.float32
    assert tiny_loaded.tokenizer.padding_side == "left"
    assert tiny_loaded.tokenizer.pad_token != tiny_loaded.tokenizer.eos_token
    assert tiny_loaded.chat.max_length == 256, "the model's context, which is shorter than training.max_length"
    assert tiny_loaded.model.generation_config.eos_token_id == [tiny_loaded.tokenizer.eos_token_id]
    assert tiny_loaded.model.generation_config.pad_token_id == tiny_loaded.tokenizer.pad_token_id
    short = make_tiny_study(tiny_study.root.parent, "training.max_length=40")
    assert load_base(short, "llama").chat.max_length == 40


def test_a_folder_takes_the_same_path(copy_of: Callable[..., Study], tiny_loaded: LoadedModel) -> None:
    study = copy_of()
    made = ensure_base(study, "own")
    loaded = load_base(study, "own")
    torch.testing.assert_close(logits(loaded), logits(tiny_loaded), atol=0.0, rtol=0.0)
    assert loaded.chat.prompt_ids(PROMPT) == tiny_loaded.chat.prompt_ids(PROMPT)
    assert (made.family, made.label, made.parameters) == ("own", "own", tiny_loaded.n_parameters)
    assert made.fingerprint == loaded.fingerprint != tiny_loaded.fingerprint
    assert (made.acceptance, made.seconds, made.steps) == (None, None, None)
    assert made.source == study.config.models.hub["own"].model
    assert study_base_models(study)["fingerprint"].tolist() == [made.fingerprint]


def test_a_folder_is_found_beside_the_config_and_below_the_working_directory(
    tiny_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    entry = hub_study(tmp_path, "sub/model").config.models.hub["own"]
    study = Study(config=tiny_study.config, source=tmp_path / "configs" / "study.yaml", root=tmp_path)
    assert locate(study, entry) == "sub/model", "else it is a model id"
    (tmp_path / "sub" / "model").mkdir(parents=True)
    assert locate(study, entry) == (tmp_path / "sub" / "model").resolve()
    (tmp_path / "configs" / "sub" / "model").mkdir(parents=True)
    assert locate(study, entry) == (tmp_path / "configs" / "sub" / "model").resolve()


def test_a_model_without_chat_template(copy_of: Callable[..., Study]) -> None:
    loaded = load_base(copy_of(without_template), "own")
    assert loaded.tokenizer.decode(loaded.chat.prompt_ids(PROMPT)) == PROMPT + "\n"
    assert torch.isfinite(logits(loaded)).all()


def test_a_model_without_pad_token_pads_with_eos(copy_of: Callable[..., Study]) -> None:
    def change(folder: Path) -> None:
        edit("tokenizer_config.json", pad_token=None)(folder)
        edit("config.json", pad_token_id=None)(folder)

    loaded = load_base(copy_of(change), "own")
    assert loaded.tokenizer.pad_token == loaded.tokenizer.eos_token
    assert loaded.model.generation_config.pad_token_id == loaded.tokenizer.eos_token_id


def test_precision_and_gradient_checkpointing_can_be_chosen(copy_of: Callable[..., Study]) -> None:
    study = copy_of()
    model = study.config.models.hub["own"].model
    plain = load_base(study, "own").model
    assert plain.dtype == torch.float32
    assert not checkpoints(plain)
    entry = f"models.hub.own={{model: {model!r}, dtype: bfloat16, gradient_checkpointing: true}}"
    chosen = make_tiny_study(study.root.parent, "models.hub={own: {model: x}}", entry)
    loaded = load_base(chosen, "own")
    assert loaded.model.dtype == torch.bfloat16
    assert checkpoints(loaded.model)
    assert not loaded.model.training
    assert loaded.fingerprint != load_base(study, "own").fingerprint


def test_the_fingerprint_of_a_folder_is_that_of_its_content(copy_of: Callable[..., Study], tmp_path: Path) -> None:
    study = copy_of()
    entry = study.config.models.hub["own"]
    first = fingerprint_of(entry, tmp_path / "model", None)
    shutil.copytree(tmp_path / "model", tmp_path / "moved")
    assert fingerprint_of(entry, tmp_path / "moved", None) == first
    edit("config.json", note="another")(tmp_path / "moved")
    assert fingerprint_of(entry, tmp_path / "moved", None) != first
    with (tmp_path / "model" / "model.safetensors").open("ab") as stream:
        stream.write(b"x")
    assert fingerprint_of(entry, tmp_path / "model", None) != first


def drop_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:2000])


def own_code(folder: Path) -> None:
    edit(
        "config.json", model_type="own_thing", auto_map={"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.M"}
    )(folder)
    (folder / "own.py").write_text("raise SystemExit('this must never run')")


def no_eos(folder: Path) -> None:
    edit("tokenizer_config.json", eos_token=None)(folder)


def no_tokenizer(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()


@pytest.mark.parametrize(
    ("change", "named", "early"),
    [
        (drop_weights, "no weights in safetensors", True),
        (cut_weights, "cannot be loaded", False),
        (own_code, "needs code of its own, which is never run", True),
        (no_eos, "no EOS token", False),
        (no_tokenizer, "cannot be loaded", True),
        (shutil.rmtree, "there is no such folder", True),
    ],
)
def test_what_cannot_be_loaded_is_one_line_that_names_family_and_fault(
    copy_of: Callable[..., Study], change: Callable[[Path], object], named: str, early: bool
) -> None:
    study = copy_of(change)
    steps: list[Callable[[], object]] = [lambda: load_base(study, "own")]
    if early:
        steps.append(lambda: ensure_base(study, "own"))
    for step in steps:
        with pytest.raises(TrainingError) as caught:
            step()
        message = str(caught.value)
        assert message.startswith("base model 'own': ")
        assert "\n" not in message
        assert named in message


def test_a_model_id_without_network_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    study = hub_study(tmp_path, "no-such-owner/no-such-model")
    for step in (load_base, ensure_base):
        with pytest.raises(TrainingError) as caught:
            step(study, "own")
        message = str(caught.value)
        assert message.startswith("base model 'own': no-such-owner/no-such-model cannot be loaded")
        assert message.endswith("check the id and the network, or download it first and name its folder")
        assert "\n" not in message


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (
            OSError("You are trying to access a gated repo.\nMake sure to have access to it"),
            "is gated; accept its terms",
        ),
        (torch.cuda.OutOfMemoryError("CUDA out of memory"), "does not fit into the GPU's memory"),
    ],
)
def test_gated_models_and_full_gpus_say_what_to_do(tmp_path: Path, error: Exception, named: str) -> None:
    entry = hub_study(tmp_path, "owner/model").config.models.hub["own"]
    with pytest.raises(TrainingError, match=named), explained("own", entry, "owner/model"):
        raise error


def test_a_tiny_model_that_is_not_trained_yet_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"base model 'phi3': .* holds none; train it first"):
        load_base(make_tiny_study(tmp_path), "phi3")


def test_a_gpu_is_asked_for_where_there_is_none(tiny_study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    training = tiny_study.config.training
    assert choose_device(training.model_copy(update={"device": "auto"})) == "cpu"
    with pytest.raises(TrainingError, match=r"training\.device: cuda is asked for, but there is no GPU"):
        choose_device(training.model_copy(update={"device": "cuda"}))


def test_threads_come_from_the_config_then_the_environment(tiny_study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    free = tiny_study.config.training.model_copy(update={"threads": None})
    monkeypatch.delenv("PLURAL_THREADS", raising=False)
    assert n_threads(free) == 1
    monkeypatch.setenv("PLURAL_THREADS", "3")
    assert n_threads(free) == 3
    assert n_threads(tiny_study.config.training) == 1
    before = torch.get_num_threads()
    assert set_threads(free) == torch.get_num_threads() == 3
    torch.set_num_threads(before)
    for wrong in ("0", "many", "-1"):
        monkeypatch.setenv("PLURAL_THREADS", wrong)
        with pytest.raises(ConfigError, match=f"PLURAL_THREADS={wrong}: expected a whole number"):
            n_threads(free)


def test_load_hub_does_not_change_what_is_loaded(copy_of: Callable[..., Study], tmp_path: Path) -> None:
    study = copy_of()
    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    load_hub(study, "own", "cpu")
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == before
