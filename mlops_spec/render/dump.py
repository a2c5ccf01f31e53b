"""Plain data as YAML text: order kept, no aliases, quotes wherever a parser could misread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from mlops_spec.render.quoting import yaml_number, yaml_plain


class _Dumper(yaml.SafeDumper):
    """SafeDumper that repeats rather than refers, and indents lists below their key."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if yaml_plain(text):
        return dumper.represent_scalar("tag:yaml.org,2002:str", text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str:
    """The easiest to read; PyYAML takes double quotes where a style cannot hold the text."""
    if "\n" in text.strip("\n"):
        return "|"
    return "'" if '"' in text and text.isprintable() else '"'


def _number(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:float", yaml_number(value))


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _number)


def dump_documents(documents: Iterable[Mapping[str, Any]]) -> str:
    """The documents, one after another, separated by `---`."""
    texts = [
        yaml.dump(
            document, Dumper=_Dumper, sort_keys=False, allow_unicode=True,
            width=10**6, default_flow_style=False,
        )
        for document in documents
    ]  # fmt: skip
    return "---\n".join(texts)
