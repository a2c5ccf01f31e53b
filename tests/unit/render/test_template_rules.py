"""The rules of templates/README.md, read from every template's syntax tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import nodes

from mlops_spec.render.environment import environment
from mlops_spec.render.quoting import FILTERS
from mlops_spec.render.templates import TEMPLATES
from mlops_spec.terms.package_data import data_dir

FOLDER = data_dir("templates")
PATHS = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.j2"))
# Layout, control flow, and reading attributes. No arithmetic, no text building, no macro, no set.
ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Include,
    nodes.Name, nodes.Getattr, nodes.Filter, nodes.Not, nodes.And, nodes.Or, nodes.Const,
    nodes.Test, nodes.Compare, nodes.Operand,
)  # fmt: skip


def _tree(path: str) -> nodes.Template:
    return environment().parse((FOLDER / path).read_text(encoding="utf-8"))


def test_every_template_is_in_the_table_and_every_entry_has_its_template() -> None:
    named = {template for files in TEMPLATES.values() for template in files.values()}
    included = {
        include.template.as_const()
        for path in PATHS
        for include in _tree(path).find_all(nodes.Include)
    }
    assert named | included == set(PATHS)


@pytest.mark.parametrize("path", PATHS)
def test_every_value_ends_in_a_quoting_filter(path: str) -> None:
    unquoted = [
        f"{path}:{node.lineno}"
        for output in _tree(path).find_all(nodes.Output)
        for node in output.nodes
        if not isinstance(node, nodes.TemplateData)
        and not (isinstance(node, nodes.Filter) and node.name in FILTERS)
    ]
    assert unquoted == []


@pytest.mark.parametrize("path", PATHS)
def test_a_template_holds_layout_only(path: str) -> None:
    built = [
        f"{path}:{node.lineno}: {type(node).__name__}"
        for node in _tree(path).find_all(nodes.Node)
        if not isinstance(node, ALLOWED)
    ]
    assert built == []


@pytest.mark.parametrize("path", PATHS)
def test_a_template_reads_nothing_but_its_artifact(path: str) -> None:
    tree = _tree(path)
    bound = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    read = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "load"}
    assert read <= bound | {"artifact", "loop"}


@pytest.mark.parametrize("path", PATHS)
def test_a_template_names_no_host_and_no_folder_of_a_machine(path: str) -> None:
    text = (FOLDER / path).read_text(encoding="utf-8")
    assert not any(word in text for word in ("pypi.org", "files.pythonhosted", "/home/", "/root/"))
    assert Path(path).suffix == ".j2"
