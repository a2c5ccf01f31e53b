"""The build context of an image: complete, repeatable, and with what the model's pickle imports."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mlops_spec.runtime.portable.modules import modules_of
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.service.image_context import Form, add_image_context
from mlops_spec.runtime.service.locked import Locked, read_locked, resolved, write_locked
from mlops_spec.runtime.service.wheel import write_wheel
from mlops_spec.terms.digest import file_digest

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


def test_functions_that_cython_compiled_are_of_their_own_module() -> None:
    """Neighbours in a tree, and whatever draws by chance, hold some."""
    from sklearn.neighbors import KNeighborsClassifier

    near = KNeighborsClassifier(1, metric="manhattan", algorithm="ball_tree")
    fitted = near.fit([[0.0], [1.0]], [0, 1])

    assert modules_of([fitted, np.random.default_rng(0)]) == ("numpy", "sklearn")


def test_own_modules_are_copied_and_foreign_packages_are_locked(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a network: then by version alone."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    rendered, into = own / "rendered", own / "into"
    rendered.mkdir()
    into.mkdir()
    (rendered / "Dockerfile").write_text("FROM scratch\n")
    (rendered / "requirements.txt").write_text("numpy==2.0 \\\n    --hash=sha256:00\n")
    (rendered / "requirements-sklearn.txt").write_text("scikit_learn==1.0\n")
    form = Form(True, ("own_doubler", "sklearn", "zipfile", "_cython_3_2_5", "jinja2"))
    packages = add_image_context(rendered, own, form, into)

    assert sorted(path.name for path in into.iterdir()) == [
        "Dockerfile", "own_doubler.py", "packages.txt", "requirements.txt", "wheels",
    ]  # fmt: skip
    assert (into / "own_doubler.py").read_text() == OWN
    (named,) = (into / "packages.txt").read_text().splitlines()
    assert named.lower().startswith("jinja2==")
    assert [package.name for package in packages] == ["numpy", "scikit_learn", "Jinja2"]
    assert packages[0] == Locked("numpy", "2.0", ("00",))


def test_a_graph_asks_for_no_scikit_learn(own: Path) -> None:
    into = own / "into"
    into.mkdir()
    (own / "requirements.txt").write_text("numpy==2.0\n")
    (own / "requirements-sklearn.txt").write_text("scikit_learn==1.0\n")
    add_image_context(own, own, Form(False), into)
    assert (into / "requirements.txt").read_text() == "numpy==2.0\n"
    add_image_context(own, own, Form(True), into)
    assert (into / "requirements.txt").read_text() == "numpy==2.0\nscikit_learn==1.0\n"


def test_a_service_that_answers_grpc_has_what_that_takes(own: Path) -> None:
    into = own / "into"
    into.mkdir()
    (own / "requirements.txt").write_text("numpy==2.0\n")
    (own / "requirements-grpc.txt").write_text("grpcio==1.0\n")
    packages = add_image_context(own, own, Form(False), into)
    assert (into / "requirements.txt").read_text() == "numpy==2.0\ngrpcio==1.0\n"
    assert [package.name for package in packages] == ["numpy", "grpcio"]


@pytest.mark.slow
def test_what_a_foreign_package_needs_is_locked_with_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, needs in (("booster", "Requires-Dist: numpy\nRequires-Dist: leaf\n"), ("leaf", "")):
        _wheel(tmp_path, name, needs)
    _wheel(tmp_path, "numpy", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    found = resolved(["booster==1"], [Locked("NumPy", "1")])

    digests = {
        name: file_digest(tmp_path / f"{name}-1-py3-none-any.whl") for name in ("booster", "leaf")
    }
    assert found == tuple(Locked(name, "1", (digests[name],)) for name in ("booster", "leaf"))
    write_locked(found, tmp_path / "packages.txt")
    assert read_locked((tmp_path / "packages.txt").read_text()) == found
    # One without a digest: pip would refuse the others.
    write_locked((*found, Locked("x", "2")), tmp_path / "packages.txt")
    assert (tmp_path / "packages.txt").read_text() == "booster==1\nleaf==1\nx==2\n"


def _wheel(folder: Path, name: str, needs: str) -> None:
    with zipfile.ZipFile(folder / f"{name}-1-py3-none-any.whl", "w") as archive:
        about = f"{name}-1.dist-info"
        archive.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n{needs}"
        )
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{about}/RECORD", "")


@pytest.mark.slow
def test_a_service_starts_without_what_is_not_in_its_image() -> None:
    """No database, no web framework, no data frames: nothing that requirements/image.txt lacks."""
    code = (
        "import sys; import mlops_spec.runtime.service.app;"
        "print([m for m in ('bentoml', 'jinja2', 'mlops_spec.state', 'pandas', 'rich', 'sklearn',"
        " 'sqlalchemy', 'starlette', 'yaml') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout == "[]\n"


def test_a_module_that_nobody_has_and_a_name_that_is_taken_are_refused(own: Path) -> None:
    into = own / "into"
    into.mkdir()
    with pytest.raises(Refusal, match="needs the module 'nowhere'"):
        add_image_context(own, own, Form(True, ("nowhere",)), into)
    (own / "service.py").write_text("")
    (into / "service.py").write_text("")
    with pytest.raises(Refusal, match=r"service\.py has the name of a generated file"):
        add_image_context(own, own, Form(True, ("service",)), into)


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
