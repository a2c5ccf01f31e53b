"""Every fixture carries its expectation on the offending line: `# error: MLS204`."""

import re
from pathlib import Path

import pytest
from language import (
    CASE,
    INVALID,
    expected_in,
    found_in,
    write_project,
)

from mlops_spec.diagnostics import CATALOGUE
from mlops_spec.load.discover import MAX_BYTES

CASES = sorted(INVALID.glob("*.yaml"))
# What no file can hold, or only beside another scikit-learn.
OTHERWISE = {"MLS101", "MLS103", "MLS110", "MLS111", "MLS339"}


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_case_is_reported_on_the_lines_that_say_so(case: Path, tmp_path: Path) -> None:
    content = case.read_bytes()
    found = found_in(write_project(tmp_path / "project", content))

    shown = {(d.span.path, d.span.start.line, d.code.id) for d in found if d.span}
    assert shown == expected_in(content)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_case_is_named_for_a_code_it_shows(case: Path) -> None:
    assert case.stem[:6] in {code for *_, code in expected_in(case.read_bytes())}


def test_every_code_of_the_language_has_a_case() -> None:
    language = {code for code in CATALOGUE if code < "MLS400"}

    assert {case.stem[:6] for case in CASES} | OTHERWISE == language


def test_a_file_larger_than_a_spec_is_refused_unread(tmp_path: Path) -> None:
    root = write_project(tmp_path / "project")
    with (root / CASE).open("wb") as file:
        file.truncate(100 * MAX_BYTES)

    assert [str(d) for d in found_in(root)] == [
        "specs/case.yaml:1:1: error MLS103: the file has 100,000,000 bytes; "
        "a spec has at most 1,000,000"
    ]


def test_a_link_out_of_the_project_is_not_followed(tmp_path: Path) -> None:
    root = write_project(tmp_path / "project")
    secret = tmp_path / "secret.yaml"
    secret.write_text("password: 1234\n")
    (root / CASE).symlink_to(secret)

    assert [str(d) for d in found_in(root)] == [
        "specs/case.yaml:1:1: error MLS101: the file is a link to a file outside of the project"
    ]


def test_a_dangling_link_and_a_loop_of_links_are_reported(tmp_path: Path) -> None:
    root = write_project(tmp_path / "project")
    (root / "specs" / "gone.yaml").symlink_to(root / "nothing")
    (root / "specs" / "loop.yaml").symlink_to(root / "specs" / "loop.yaml")

    gone, loop = found_in(root)
    assert str(gone) == (
        "specs/gone.yaml:1:1: error MLS101: the file is a link to a file that is not there"
    )
    assert (loop.code.id, loop.help) == (
        "MLS101", "put the text itself there, readable for you; or move it out of specs/",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "said"), [("[]", "an empty list"), ("{}", "an empty mapping"), ("[a]", "a list")]
)
def test_what_is_empty_is_told_as_empty(tmp_path: Path, found: str, said: str) -> None:
    root = write_project(tmp_path)
    path = root / "specs" / "model.yaml"
    text = path.read_text().partition("---\n")[0]
    path.write_text(re.sub(r"(?m)^owner:.*$", f"owner: {found}", text))

    assert f"owner is {said}; it takes text" in [d.message for d in found_in(root)]


def test_a_folder_without_a_project_is_told_what_a_project_is(tmp_path: Path) -> None:
    assert [d.code.id for d in found_in(tmp_path)] == ["MLS110"]


def test_a_project_without_specs_is_told_where_they_go(tmp_path: Path) -> None:
    (tmp_path / "mlops.yaml").write_text(
        "project: trips\nenvironments: {local: {serve: {on: processes, router: envoy}}}\n"
    )

    assert [str(d) for d in found_in(tmp_path)] == [
        "error MLS111: no spec was found: specs/ holds no .yaml file"
    ]
