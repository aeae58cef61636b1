"""YAML to Study: one-line errors with file, line, key and the nearest known name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from plural_core.errors import ConfigError, nearest
from plural_core.study.config import StudyConfig
from plural_core.study.paths import Study


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice and, as in YAML 1.2, takes only true and false as booleans.

    PyYAML keeps the last of two equal keys silently, and reads the answers ``No`` and ``Yes`` as booleans.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own class attribute
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key_node, _ in node.value:
        key = str(key_node.value)
        if key in seen:
            raise yaml.MarkedYAMLError(problem=f"key '{key}' is given twice", problem_mark=key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


_EXPECTED = {
    "int_type": "expected a whole number",
    "float_type": "expected a number",
    "string_type": "expected a text; put it in quotes",
    "bool_type": "expected true or false",
    "list_type": "expected a list, as in [a, b]",
    "dict_type": "expected keys with values below it, or {}",
    "model_type": "expected keys with values below it, or {}",
}
"""What to say for pydantic's kinds of wrong types; the others' own words are plain enough."""


def load_study(path: str | Path, overrides: Sequence[str] = (), *, results: str | Path | None = None) -> Study:
    """Read a study config and check it.

    Parameters
    ----------
    path : str or Path
        The YAML file.
    overrides : sequence of str
        ``key=value`` settings with dotted keys (``data.path=ratings.csv``) that replace the file's own.
    results : str or Path, optional
        Folder of all results, instead of the config's own.

    Raises
    ------
    ConfigError
        The file is missing, is not YAML, has an unknown key or a wrong value: one line that names it.
    """
    path = Path(path)
    text = _read(path)
    raw = _parse(text, path)
    settings = parse_overrides(overrides)
    for key, value in settings.items():
        _assign(raw, key, value)
    try:
        config = StudyConfig.model_validate(raw)
    except ValidationError as error:
        details = error.errors()
        first = _describe(details[0], text, path, settings)
        more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
        raise ConfigError(first + more) from None
    config = _absolute_paths(config, path, settings)
    root = Path(results if results is not None else config.results).resolve() / config.study
    return Study(config=config, source=path.resolve(), root=root)


def parse_overrides(settings: Iterable[str]) -> dict[str, Any]:
    """Parse ``key=value`` settings; values are read as YAML.

    Raises
    ------
    ConfigError
        A setting has no ``=`` or its value is not YAML.
    """
    parsed: dict[str, Any] = {}
    for setting in settings:
        key, found, value = setting.partition("=")
        if not found or not key.strip():
            raise ConfigError(f"--set {setting}: expected key=value, for example --set data.path=ratings.csv")
        parsed[key.strip()] = _setting_value(value)
    return parsed


def _setting_value(text: str) -> Any:
    """Read a value as YAML; ``A: b`` or ``- x`` without brackets is a text, not a mapping or a list."""
    try:
        value = yaml.load(text, Loader=_Loader) if text else ""  # noqa: S506 - a subclass of SafeLoader
    except yaml.YAMLError:
        return text
    return text if isinstance(value, dict | list) and text.lstrip()[0] not in "[{" else value


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such config file.{_nearby(path)}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start}); save the file as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None


def _nearby(path: Path) -> str:
    folder = path.parent
    return nearest(path.name, (p.name for p in folder.glob("*.yaml"))) if folder.is_dir() else ""


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        raw = yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise ConfigError(f"{path}, line {line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {str(error).splitlines()[0]}") from None
    if raw is None:
        raise ConfigError(f"{path}: the file is empty; start from configs/template.yaml")
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: expected 'key: value' lines, found {type(raw).__name__}")
    return raw


def _assign(raw: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    node = raw
    for parent in parents:
        child = node.setdefault(parent, {})
        if not isinstance(child, dict):
            raise ConfigError(f"--set {dotted}: '{parent}' holds a single value, it has no keys below it")
        node = child
    node[last] = value


def _describe(detail: ErrorDetails, text: str, path: Path, settings: dict[str, Any]) -> str:
    loc = tuple(str(part) for part in detail["loc"])
    dotted = ".".join(loc)
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        message = f"unknown key '{loc[-1]}'.{nearest(loc[-1], _known_keys(loc[:-1]))}"
        dotted = ".".join(loc[:-1])
    elif detail["type"] == "missing":
        message = f"'{loc[-1]}' is needed and not given"
        dotted = ".".join(loc[:-1])
    elif "input" in detail and not isinstance(detail["input"], dict):
        message = f"{_EXPECTED.get(detail['type'], message)} (found {_shown(detail['input'])})"
        if detail["type"] == "literal_error":
            message += nearest(str(detail["input"]), re.findall(r"'([^']*)'", str(detail["msg"])))
        if loc[-1:] == ("[key]",):
            dotted, message = ".".join(loc[:-2]), f"key {loc[-2]}: {_EXPECTED.get(detail['type'], message)}"
    if any(".".join(loc).startswith(key) or key.startswith(".".join(loc)) for key in settings if loc):
        where = "--set"
    else:
        line = _line_of(text, loc)
        where = f"{path}, line {line}" if line else str(path)
    return f"{where}: {dotted + ': ' if dotted else ''}{message}"


def _shown(value: Any) -> str:
    """Return a value as it would stand in YAML."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return repr(value) if isinstance(value, str | int | float | list) else f"'{value}'"


def _known_keys(loc: tuple[str, ...]) -> list[str]:
    """Return the keys that the section at `loc` knows."""
    section: Any = StudyConfig
    parts = iter(loc)
    for part in parts:
        if part not in section.model_fields:
            return []
        annotation = section.model_fields[part].annotation
        nested = [a for a in get_args(annotation) if isinstance(a, type) and issubclass(a, BaseModel)]
        if get_origin(annotation) is dict:  # dict[str, Section]: the next part is a name of the user's own
            next(parts, None)
        section = nested[0] if nested else annotation
        if not (isinstance(section, type) and issubclass(section, BaseModel)):
            return []
    return list(section.model_fields)


def _line_of(text: str, loc: tuple[str, ...]) -> int | None:
    """Return the line of the deepest part of `loc` that stands in the file."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError:
        return None
    line: int | None = None
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pairs = {str(k.value): (k, v) for k, v in node.value}
            if part not in pairs:
                break
            key, node = pairs[part]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _absolute_paths(config: StudyConfig, source: Path, settings: dict[str, Any]) -> StudyConfig:
    """Make the data paths absolute: beside the config first, else below the working directory."""
    changes: dict[str, str] = {}
    for name in ("path", "participants", "items"):
        value = getattr(config.data, name)
        if value is None:
            continue
        given = Path(value).expanduser()
        beside = source.parent / given
        use_beside = f"data.{name}" not in settings and not given.is_absolute() and beside.exists()
        changes[name] = str((beside if use_beside else given).resolve())
    found = config.model_copy(update={"data": config.data.model_copy(update=changes)})
    return _absolute_models(found, source)


def _absolute_models(config: StudyConfig, source: Path) -> StudyConfig:
    """Make folders of models and classifiers that stand beside the config absolute; model ids stay as they are."""

    def place(name: str) -> str:
        beside = source.parent / Path(name).expanduser()
        return str(beside.resolve()) if beside.is_dir() else name

    hub = {name: model.model_copy(update={"model": place(model.model)}) for name, model in config.models.hub.items()}
    judges = {
        name: judge.model_copy(update={"model": place(judge.model)})
        if judge.kind == "classifier" and judge.model
        else judge
        for name, judge in config.judges.items()
    }
    return config.model_copy(update={"models": config.models.model_copy(update={"hub": hub}), "judges": judges})
