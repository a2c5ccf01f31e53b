"""Custom resources against the definitions in ../shared/crds, as an API server takes them.

A structural schema becomes a JSON Schema that refuses unknown fields, which a server would drop in
silence; lists that are maps or sets are looked at for duplicates; defaults are filled in, and then
every `x-kubernetes-validations` rule is evaluated by a CEL interpreter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

import cel
import yaml
from jsonschema import Draft202012Validator
from language import REPOSITORY

FOLDER = REPOSITORY.parent / "shared" / "crds"
Schema = dict[str, Any]

_RESERVED = frozenset({
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function",
    "if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while",
})  # fmt: skip
_BUILT_IN = frozenset({"", "apps", "autoscaling", "batch", "networking.k8s.io", "policy"})
_COPIED = (
    "type", "enum", "format", "minimum", "maximum", "minLength", "maxLength", "pattern", "minItems",
    "maxItems", "minProperties", "maxProperties", "required", "multipleOf",
)  # fmt: skip
_LOGIC = ("allOf", "anyOf", "oneOf")


class _Loader(yaml.CSafeLoader):
    """`=` is a text here, as in YAML 1.2."""


_Loader.add_constructor("tag:yaml.org,2002:value", yaml.CSafeLoader.construct_yaml_str)


@cache
def definition(api_version: str, kind: str) -> Schema | None:
    """The schema of a kind; fails clearly where the folder is missing."""
    assert FOLDER.is_dir(), (
        f"{FOLDER} is missing: rendered custom resources are held against the definitions in it; "
        "check out the shared folder beside this repository"
    )
    for path in sorted(FOLDER.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        if not re.search(rf"^ +kind: {kind}$", text, re.MULTILINE):
            continue  # parsing all of them takes seconds
        spec = yaml.load(text, _Loader)["spec"]
        for version in spec["versions"]:
            if (f"{spec['group']}/{version['name']}", spec["names"]["kind"]) == (api_version, kind):
                found: Schema = version["schema"]["openAPIV3Schema"]
                return found
    return None


def is_custom(found: Mapping[str, Any]) -> bool:
    """Whether an object is of a kind that a definition adds."""
    return str(found["apiVersion"]).rpartition("/")[0] not in _BUILT_IN


def mistakes(found: Mapping[str, Any]) -> list[str]:
    """What an API server would refuse or drop; empty when the object is fine."""
    schema = definition(found["apiVersion"], found["kind"])
    if schema is None:
        return [f"no definition of {found['kind']} in {found['apiVersion']}"]
    errors = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in _validator(found["apiVersion"], found["kind"]).iter_errors(found)
    ]
    if errors:
        return errors
    whole = deepcopy(dict(found))
    _fill_in(schema, whole)
    return [*_duplicates(schema, whole, ""), *_broken_rules(schema, whole, "")]


@cache
def _validator(api_version: str, kind: str) -> Draft202012Validator:
    schema = _strict(definition(api_version, kind) or {})
    schema["properties"]["metadata"] = {"type": "object"}  # kubernetes-validate knows that one
    return Draft202012Validator(schema)


def _strict(schema: Schema) -> Schema:
    """A structural schema as JSON Schema that knows no other field than those it names."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"], **_of(schema, ("pattern",))}
    strict = _of(schema, _COPIED)
    for word in _LOGIC:  # these hold constraints alone, and name no fields
        if word in schema:
            strict[word] = [_of(choice, _COPIED) for choice in schema[word]]
    if "items" in schema:
        strict["items"] = _strict(schema["items"])
    if "properties" in schema:
        strict["properties"] = {key: _strict(value) for key, value in schema["properties"].items()}
    strict.update(_others(schema))
    return _nullable(strict) if schema.get("nullable") else strict


def _of(schema: Schema, words: tuple[str, ...]) -> Schema:
    return {word: schema[word] for word in words if word in schema}


def _others(schema: Schema) -> Schema:
    """What may stand under keys that the schema does not name."""
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        return {"additionalProperties": _strict(more)}
    keeps = schema.get("x-kubernetes-preserve-unknown-fields") or more is True
    return {} if keeps or schema.get("type") != "object" else {"additionalProperties": False}


def _nullable(strict: Schema) -> Schema:
    return {"anyOf": [strict, {"type": "null"}]}


def _below(schema: Schema, value: Any) -> Iterator[tuple[Schema, Any, str]]:
    """(schema, value, where) of everything directly inside."""
    if isinstance(value, dict):
        named, more = schema.get("properties", {}), schema.get("additionalProperties")
        for key, item in value.items():
            inner = named.get(key, more)
            if isinstance(inner, dict):
                yield inner, item, f".{key}"
    elif isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield schema["items"], item, f"[{number}]"


def _fill_in(schema: Schema, value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in schema.get("properties", {}).items():
            if "default" in inner:
                value.setdefault(key, deepcopy(inner["default"]))
    for inner, item, _ in _below(schema, value):
        _fill_in(inner, item)


def _duplicates(schema: Schema, value: Any, at: str) -> Iterator[str]:
    if isinstance(value, list):
        match schema.get("x-kubernetes-list-type"):
            case "map":
                keys = schema["x-kubernetes-list-map-keys"]
                entries = [repr([item.get(key) for key in keys]) for item in value]
            case "set":
                entries = [repr(item) for item in value]
            case _:
                entries = []
        if len(entries) != len(set(entries)):
            yield f"{at}: entries that count as one: {entries}"
    for inner, item, name in _below(schema, value):
        yield from _duplicates(inner, item, at + name)


def _broken_rules(schema: Schema, value: Any, at: str) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations", ()):
        text = rule["rule"]
        # A rule over `oldSelf` speaks of updates; nothing here is one.
        if "oldSelf" not in text and cel.evaluate(text, {"self": _escaped(value)}) is not True:
            yield f"{at}: {rule.get('message', text)}"
    for inner, item, name in _below(schema, value):
        yield from _broken_rules(inner, item, at + name)


def _escaped(value: Any) -> Any:
    """Names as CEL in Kubernetes spells them."""
    if isinstance(value, dict):
        return {_name(key): _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value


def _name(key: str) -> str:
    if key in _RESERVED:
        return f"__{key}__"
    words = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
    return re.sub(r"__|[.\-/]", lambda found: words[found[0]], key)
