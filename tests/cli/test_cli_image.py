"""spec image: which release, under which name, by which engine; the engine here is a script."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from mlops_spec.cli.main import main
from mlops_spec.runtime.cluster.recorded import image_of_release
from mlops_spec.runtime.service import packaging
from mlops_spec.state import Journal, Store
from mlops_spec.terms.workspace import Workspace

FLIGHTS = Path(__file__).parents[2] / "examples" / "flights"
DIGEST = "sha256:" + "cd" * 32
PODMAN = f"""\
#!/bin/sh
case $1 in
  --version) echo podman version 5 ;;
  inspect) echo "sha256:1234 315000000" ;;
  push) echo {DIGEST} > "${{2#--digestfile=}}" ;;
  *) echo "STEP 1/2: FROM base" ; echo noise ;;
esac
"""
IMAGES = "registry.acme.example/ml"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The flights, rendered, with one registered run, on a machine with podman alone."""
    for name in ("specs", "mlops.yaml"):
        source = FLIGHTS / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert main(["render"]) == 0
    podman = tmp_path / "bin" / "podman"
    podman.parent.mkdir()
    podman.write_text(PODMAN)
    podman.chmod(0o755)
    monkeypatch.setenv("PATH", str(podman.parent))
    monkeypatch.delenv("MLOPS_SPEC_ENGINE", raising=False)
    for environment in ("local", "production"):
        Workspace.of(tmp_path, environment).root.mkdir(parents=True)
    return tmp_path


def register(project: Path, environment: str) -> Journal:
    journal = Journal(Store.at(Workspace.of(project, environment).state), environment)
    journal.start("flight-delay", "register", "k", "run1")
    journal.finish("flight-delay", "register", "k", "done", {"version": "3"})
    return journal


@pytest.fixture
def packaged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was packaged: (run, version)."""
    asked: list[tuple[str, str]] = []

    def package(context, run, release, version, signing):
        asked.append((run, version))
        return f"{context.model}:{release}"

    monkeypatch.setattr(packaging, "package", package)
    return asked


def test_the_newest_registered_run_is_built_and_nothing_is_pushed(project, packaged, capsys):
    journal = register(project, "local")
    assert main(["image", "flight-delay", "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    release = told.pop("release")
    assert told == {
        "format_version": 1, "model": "flight-delay", "engine": "podman", "id": "1234",
        "image": f"localhost/flight-delay:{release}", "bytes": 315000000, "pushed": "",
    }  # fmt: skip
    assert packaged == [("run1", "3")]
    assert image_of_release(journal, "flight-delay", release) == ""


def test_what_is_pushed_is_what_apply_rolls_out(project, packaged, capsys):
    journal = register(project, "production")
    outcome = main(["image", "flight-delay", "--env", "production", "--push"])
    said = capsys.readouterr()
    assert outcome == 0, said.err
    assert "  STEP 1/2: FROM base\n" in said.err
    assert "noise" not in said.err
    first, second, third = said.out.splitlines()
    assert first.endswith(", 315 MB unpacked")
    assert second == "  id      1234"
    assert third == f"  pushed  {IMAGES}/flight-delay@{DIGEST}"
    release = first.split()[0].rpartition(":")[2]
    assert image_of_release(journal, "flight-delay", release) == f"{IMAGES}/flight-delay@{DIGEST}"


def test_an_environment_that_argo_rolls_out_has_images_too(project, packaged, capsys):
    settings = project / "mlops.yaml"
    text = settings.read_text()
    settings.write_text(text.replace("router: gateway-api", "router: argo-rollouts"))
    spec = project / "specs" / "flight-delay.yaml"
    text = re.sub(r"\nshadow: .*", "\nshadow: null", spec.read_text())  # of what Argo cannot do
    text = text.replace("[5%, 25%, 100%]", "[50%, 100%]").replace("{above: 0.5}", "null")
    spec.write_text(text)
    assert main(["render", "--force"]) == 0
    register(project, "production")
    outcome = main(["image", "flight-delay", "--env", "production", "-o", "json"])
    said = capsys.readouterr()
    assert outcome == 0, said.err
    assert '"pushed": ""' in said.out


def test_what_stands_in_the_way_is_said_before_anything_is_built(
    project, packaged, capsys, monkeypatch
):
    assert main(["image", "flight-dely"]) == 1
    assert "no Model named 'flight-dely'" in capsys.readouterr().err
    assert main(["image", "flight-delay", "--push"]) == 1
    assert "set environments.local.serve.images in mlops.yaml" in capsys.readouterr().err
    assert main(["image", "flight-delay"]) == 1
    assert "MLS609" in capsys.readouterr().err
    (project / "generated/local/flight-delay/service/Dockerfile").write_text("FROM x\n")
    assert main(["image", "flight-delay"]) == 1
    assert "service/Dockerfile is not what the specs render to" in capsys.readouterr().err
    monkeypatch.setenv("PATH", "")
    main(["render", "--force"])
    assert main(["image", "flight-delay"]) == 1
    assert "podman: not installed" in capsys.readouterr().err
    assert packaged == []
