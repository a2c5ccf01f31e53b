"""The build context of an image: complete, repeatable, and with what the model's pickle imports."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mlops_spec.runtime.portable.modules import modules_of
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.service.image_context import add_image_context, write_wheel

OWN = "class Doubler:\n    def __init__(self, by): self.by = by\n"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an estimator of its own beside mlops.yaml."""
    (tmp_path / "own_doubler.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_pickle_asks_for_the_modules_of_its_classes_and_functions(own: Path) -> None:
    import own_doubler
    from sklearn.preprocessing import FunctionTransformer

    found = modules_of([own_doubler.Doubler(2), FunctionTransformer(zipfile.is_zipfile)])

    assert found == ("own_doubler", "sklearn", "zipfile")


def test_own_modules_are_copied_and_foreign_packages_are_named(own: Path) -> None:
    rendered, into = own / "rendered", own / "into"
    rendered.mkdir()
    into.mkdir()
    (rendered / "Dockerfile").write_text("FROM scratch\n")
    (rendered / "requirements.txt").write_text("scikit_learn==1.0 \\\n    --hash=sha256:00\n")
    add_image_context(rendered, own, ("own_doubler", "sklearn", "zipfile", "jinja2"), into)

    assert sorted(path.name for path in into.iterdir()) == [
        "Dockerfile", "own_doubler.py", "packages.txt", "requirements.txt", "wheels",
    ]  # fmt: skip
    assert (into / "own_doubler.py").read_text() == OWN
    (named,) = (into / "packages.txt").read_text().splitlines()
    assert named.lower().startswith("jinja2==")


def test_a_module_that_nobody_has_and_a_name_that_is_taken_are_refused(own: Path) -> None:
    into = own / "into"
    into.mkdir()
    with pytest.raises(Refusal, match="needs the module 'nowhere'"):
        add_image_context(own, own, ("nowhere",), into)
    (own / "service.py").write_text("")
    (into / "service.py").write_text("")
    with pytest.raises(Refusal, match=r"service\.py has the name of a generated file"):
        add_image_context(own, own, ("service",), into)


@pytest.mark.slow
def test_the_wheel_is_what_runs_here_and_pip_installs_it(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "first")
    assert wheel.read_bytes() == write_wheel(tmp_path / "second").read_bytes()

    target = tmp_path / "target"
    arguments = ["install", "--quiet", "--no-index", "--no-deps", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", *arguments, str(wheel)], check=True)
    code = "import mlops_spec.runtime.service.app as a; print(a.__file__)"
    ran = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(target)}, check=True,
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert ran.stdout.strip().startswith(str(target))
