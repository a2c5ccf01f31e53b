"""`spec validate`, `explain` and `schema` as a person uses them: exit code, stdout, stderr."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from language import REPOSITORY, write_project

from mlops_spec.cli import main as cli
from mlops_spec.cli.main import main
from mlops_spec.link.estimators import known_version

BROKEN = b"kind: Gates\nname: strict\nmetrics: {roc_auc: {min: 0.7}}\nconfidence: 0.95\n"


def run(
    *words: str, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The console script of this environment."""
    return subprocess.run(
        [str(Path(sys.executable).parent / "spec"), *words],
        cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project", BROKEN)


def test_a_sound_project_is_fine(tmp_path: Path) -> None:
    done = run("validate", cwd=write_project(tmp_path / "project"))

    assert (done.returncode, done.stdout, done.stderr) == (0, "2 models: fine\n", "")


def test_the_example_is_fine() -> None:
    done = run("validate", cwd=REPOSITORY / "examples" / "flights")

    assert (done.returncode, done.stdout, done.stderr) == (0, "1 model: fine\n", "")


def test_a_mistake_is_shown_with_its_place_and_what_to_do(broken: Path) -> None:
    done = run("validate", cwd=broken)

    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout == (
        "specs/case.yaml:4:13: error MLS204: confidence: 0.95 has no unit; "
        "write a percentage such as 5% or 0.5%\n"
        "    4 | confidence: 0.95\n"
        "      |             ^^^^\n"
        "\n"
        "1 error in 1 file\n"
    )


def test_paths_are_those_that_an_editor_started_here_would_open(broken: Path) -> None:
    below = run("validate", cwd=broken / "specs")
    beside = run("--root", "project", "validate", cwd=broken.parent)

    assert below.stdout.startswith("case.yaml:4:13: ")
    assert beside.stdout.startswith("project/specs/case.yaml:4:13: ")


def test_programs_get_json(broken: Path) -> None:
    done = run("validate", "-o", "json", cwd=broken)

    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "format_version": 1,
        "diagnostics": [
            {
                "code": "MLS204",
                "severity": "error",
                "message": "confidence: 0.95 has no unit; write a percentage such as 5% or 0.5%",
                "place": {
                    "path": "specs/case.yaml",
                    "start": {"line": 4, "column": 13},
                    "end": {"line": 4, "column": 17},
                },
                "help": "",
                "related": [],
            }
        ],
    }


def test_a_sound_project_is_an_empty_list_in_json(tmp_path: Path) -> None:
    done = run("-o", "json", "validate", cwd=write_project(tmp_path / "project"))

    assert json.loads(done.stdout) == {"format_version": 1, "diagnostics": []}


def test_github_gets_annotations_in_which_nothing_can_break_out(tmp_path: Path) -> None:
    case = BROKEN.replace(b"0.95", b'"5%\\n::error::x"')
    root = write_project(tmp_path / "project", case)
    (root / "specs" / "case.yaml").rename(root / "specs" / "a,b:c.yaml")
    done = run("validate", "-o", "github", cwd=root)

    assert done.stdout == (
        "::error file=specs/a%2Cb%3Ac.yaml,line=4,col=13,title=MLS204::"
        "confidence: '5%25\\n::error::x' is not a percentage such as 5%25 or 0.5%25\n"
    )


def test_a_spec_cannot_drive_the_terminal(tmp_path: Path) -> None:
    case = 'kind: Gates\nname: strict\n"a\\e[31m\u202eb": 1\nmetrics: {roc_auc: {min: 0.7}}\n'
    done = run("validate", cwd=write_project(tmp_path / "project", case.encode()))

    assert done.returncode == 1
    assert not {"\x1b", "\u202e"} & set(done.stdout)


def test_colour_is_used_when_asked_for_and_not_in_a_pipe(broken: Path) -> None:
    assert "\x1b[31m" in run("--color", "always", "validate", cwd=broken).stdout
    assert "\x1b" not in run("validate", cwd=broken).stdout


@pytest.mark.parametrize(
    "words", [["validat"], [], ["validate", "--no-such-option"], ["--output", "xml", "validate"]]
)
def test_a_usage_error_is_64_because_2_means_changes(words: list[str], tmp_path: Path) -> None:
    done = run(*words, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (64, "")
    assert "usage: spec" in done.stderr


def test_a_closed_pipe_is_no_error(broken: Path) -> None:
    script = Path(sys.executable).parent / "spec"
    done = subprocess.run(
        ["sh", "-c", f"{script} schema | head -n 1; {script} schema >/dev/null && echo fine"],
        cwd=broken, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.stdout, done.stderr) == ("{\nfine\n", "")


def test_our_bug_is_70_with_a_report_and_no_traceback(
    broken: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "validate", ("language_crash", "crashes"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "language_crash.py").write_text(
        "def configure(parser): pass\n"
        "def run(arguments): raise ZeroDivisionError('of all things')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    assert main(["validate"]) == 70
    shown = capsys.readouterr().err
    assert "a bug of ours: ZeroDivisionError: of all things" in shown
    assert "Traceback" not in shown
    (report,) = tmp_path.glob("spec-bug-*.txt")
    assert str(report) in shown
    assert "Traceback" in report.read_text()


def test_an_interrupt_is_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mlops_spec.cli.validate.recorded_facts", interrupted)

    assert main(["validate"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_explain_prints_the_page_of_a_code(tmp_path: Path) -> None:
    done = run("explain", "mls204", cwd=tmp_path)

    assert done.returncode == 0
    assert done.stdout.startswith("# MLS204: a value is not what the field takes\n")


def test_explain_says_what_a_field_takes(tmp_path: Path) -> None:
    assert run("explain", "Gates.confidence", cwd=tmp_path).stdout == (
        "Gates.confidence: one-sided confidence of every bound (default 95%)\n"
        "  takes    a percentage such as 5% or 0.5%\n"
        "  default  null\n"
        "  change   gate: the recorded evidence is judged again\n"
    )


def test_explain_suggests_what_was_meant(tmp_path: Path) -> None:
    done = run("explain", "Modle.train", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (64, "")
    assert "did you mean 'Model'?" in done.stderr


def test_explain_lists_the_parameters_of_an_estimator(tmp_path: Path) -> None:
    done = run("explain", "sklearn.naive_bayes.GaussianNB", cwd=tmp_path)

    assert done.stdout == (
        f"sklearn.naive_bayes.GaussianNB: a classifier (scikit-learn {known_version()})\n"
        "  priors         a list or null\n"
        "  var_smoothing  a number (at least 0)\n"
    )


def test_explain_suggests_the_estimator_that_was_meant(tmp_path: Path) -> None:
    done = run("explain", "sklearn.ensemble.RandomForrestClassifier", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (64, "")
    assert "did you mean 'sklearn.ensemble.RandomForestClassifier'?" in done.stderr


def test_schema_prints_json(tmp_path: Path) -> None:
    assert json.loads(run("schema", "Drift", cwd=tmp_path).stdout)["title"] == "Drift"


def test_a_folder_without_a_project_is_a_failure_with_advice(tmp_path: Path) -> None:
    done = run("validate", cwd=tmp_path)

    assert done.returncode == 1
    assert "error MLS110: no mlops.yaml" in done.stdout


def cpu_seconds(*commands: tuple[Sequence[str], Path]) -> list[float]:
    """The least CPU time of five runs of each command in its folder, in seconds.

    In turns: a machine that others use counts more seconds for the same work, for all alike.
    """

    def once(command: Sequence[str], cwd: Path) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=cwd, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)

    turns = [[once(*command) for command in commands] for _ in range(5)]
    return [min(seconds) for seconds in zip(*turns, strict=True)]


def test_version_costs_little_more_than_python_itself(tmp_path: Path) -> None:
    python, version = cpu_seconds(
        ([sys.executable, "-c", "import argparse"], tmp_path),
        ([sys.executable, "-m", "mlops_spec", "--version"], tmp_path),
    )
    assert version < 4 * python


@pytest.mark.slow
def test_validate_costs_less_than_a_third_of_importing_prefect(tmp_path: Path) -> None:
    prefect, validate = cpu_seconds(
        ([sys.executable, "-c", "import prefect"], tmp_path),
        ([sys.executable, "-m", "mlops_spec", "validate"], REPOSITORY / "examples" / "flights"),
    )
    assert validate < prefect / 3


def test_validate_imports_nothing_heavy(tmp_path: Path) -> None:
    root = write_project(tmp_path / "project")
    code = (
        "import sys; from mlops_spec.cli.main import main; main(['validate']);"
        "heavy = {'rich', 'jinja2', 'sqlalchemy', 'numpy', 'pandas', 'mlflow', 'prefect'};"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
