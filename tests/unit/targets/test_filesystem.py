"""The tree on disk: told apart, written whole, never outside of its folder, never over an edit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlops_spec.model.files import FileSet
from mlops_spec.model.manifest import manifest_path
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.targets import filesystem
from mlops_spec.targets.filesystem import FileStatus, tree_state, write_tree

A, B = "generated/local/m/a.py", "generated/local/m/sub/b.py"
RECORD = manifest_path("local")


def files(**texts: str) -> FileSet:
    """A rendered environment: `a` and `b` are the texts of the two files."""
    named = {{"a": A, "b": B}[name]: text for name, text in texts.items()}
    found = FileSet(named)
    text = json.dumps({"format_version": 1, "files": found.digests()}) + "\n"
    return FileSet({**named, RECORD: text})


def on_disk(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in sorted((root / "generated").rglob("*"))
        if path.is_file()
    }


def test_what_is_written_is_what_was_rendered(tmp_path: Path) -> None:
    wanted = files(a="1\n", b="2\n")
    assert tree_state(tmp_path, wanted).to_write == (RECORD, A, B)
    write_tree(tmp_path, wanted)
    assert on_disk(tmp_path) == dict(wanted.texts)
    assert tree_state(tmp_path, wanted).fresh


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    write_tree(tmp_path, files(a="1\n"))
    before = (tmp_path / A).stat().st_ino
    write_tree(tmp_path, files(a="1\n"))
    assert (tmp_path / A).stat().st_ino == before


def test_a_stale_file_is_written_and_one_no_longer_rendered_removed(tmp_path: Path) -> None:
    write_tree(tmp_path, files(a="1\n", b="2\n"))
    state = write_tree(tmp_path, files(a="new\n"))
    assert (state.to_write, state.to_remove) == ((RECORD, A), (B,))
    assert on_disk(tmp_path) == dict(files(a="new\n").texts)
    assert not (tmp_path / B).parent.exists()


def test_a_hand_edit_is_told_from_a_stale_file_and_nothing_is_written(tmp_path: Path) -> None:
    write_tree(tmp_path, files(a="1\n", b="2\n"))
    (tmp_path / A).write_text("mine\n")
    with pytest.raises(Refusal) as refused:
        write_tree(tmp_path, files(a="new\n", b="new\n"))
    assert (refused.value.code, refused.value.details) == ("MLS503", (A,))
    assert (tmp_path / B).read_text() == "2\n"


def test_an_edit_that_says_what_the_specs_now_render_is_fine(tmp_path: Path) -> None:
    write_tree(tmp_path, files(a="1\n"))
    (tmp_path / A).write_text("new\n")
    assert tree_state(tmp_path, files(a="new\n")).of(FileStatus.FRESH) == (A,)


def test_force_gives_edits_up(tmp_path: Path) -> None:
    write_tree(tmp_path, files(a="1\n", b="2\n"))
    (tmp_path / A).write_text("mine\n")
    (tmp_path / B).write_text("mine\n")
    write_tree(tmp_path, files(a="new\n"), force=True)
    assert on_disk(tmp_path) == dict(files(a="new\n").texts)


def test_an_edited_file_that_is_no_longer_rendered_is_kept(tmp_path: Path) -> None:
    write_tree(tmp_path, files(a="1\n", b="2\n"))
    (tmp_path / B).write_text("mine\n")
    with pytest.raises(Refusal):
        write_tree(tmp_path, files(a="1\n"))
    assert (tmp_path / B).read_text() == "mine\n"


def test_a_file_that_was_never_ours_is_reported_and_left_alone(tmp_path: Path) -> None:
    write_tree(tmp_path, files(a="1\n"))
    (tmp_path / A).with_name("notes.txt").write_text("mine\n")
    (tmp_path / A).with_name("__pycache__").mkdir()
    (tmp_path / A).with_name("__pycache__").joinpath("a.pyc").write_text("")
    state = write_tree(tmp_path, files(a="2\n"))
    assert state.of(FileStatus.EXTRA) == ("generated/local/m/notes.txt",)
    assert (tmp_path / A).with_name("notes.txt").read_text() == "mine\n"


def test_a_file_in_the_way_that_we_did_not_write_is_an_edit(tmp_path: Path) -> None:
    (tmp_path / A).parent.mkdir(parents=True)
    (tmp_path / A).write_text("mine\n")
    assert tree_state(tmp_path, files(a="1\n")).edited == (A,)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "null", '{"files": 3}', '{"files": {"../x": "1"}}']
)
def test_without_a_readable_manifest_no_file_is_ours(tmp_path: Path, text: str) -> None:
    write_tree(tmp_path, files(a="1\n"))
    (tmp_path / RECORD).write_text(text)
    state = tree_state(tmp_path, files(a="2\n"))
    assert (state.edited, state.to_write, state.to_remove) == ((A,), (RECORD,), ())


def test_a_manifest_cannot_make_us_remove_what_is_outside(tmp_path: Path) -> None:
    write_tree(tmp_path, files(a="1\n"))
    (tmp_path / "precious").write_text("x")
    digests = FileSet({p: "x" for p in ("precious", "generated/local/../../precious")}).digests()
    (tmp_path / RECORD).write_text(json.dumps({"files": digests}))
    write_tree(tmp_path, files(a="1\n"))
    assert (tmp_path / "precious").exists()


def test_killed_between_two_files_the_same_call_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path, files(a="1\n", b="2\n"))
    real, calls = filesystem._replace, []

    def killed_at_the_third(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(filesystem, "_replace", killed_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        write_tree(tmp_path, files(a="new\n", b="new\n"))
    monkeypatch.setattr(filesystem, "_replace", real)
    # Even for specs that have changed once more, what was written half-way is still ours.
    assert tree_state(tmp_path, files(a="3\n", b="3\n")).edited == ()
    write_tree(tmp_path, files(a="3\n", b="3\n"))
    assert on_disk(tmp_path) == dict(files(a="3\n", b="3\n").texts)


def test_a_symlink_in_the_place_of_a_file_is_replaced_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("precious\n")
    root = tmp_path / "root"
    (root / A).parent.mkdir(parents=True)
    (root / A).symlink_to(outside)
    with pytest.raises(Refusal):
        write_tree(root, files(a="1\n"))
    write_tree(root, files(a="1\n"), force=True)
    assert outside.read_text() == "precious\n"
    assert not (root / A).is_symlink()


def test_a_folder_that_is_a_symlink_is_refused(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    (root / "generated").symlink_to(outside)
    with pytest.raises(Refusal, match="generated is a symlink") as refused:
        write_tree(root, files(a="1\n"), force=True)
    assert refused.value.code == "MLS504"
    assert list(outside.iterdir()) == []


def test_a_full_disk_is_a_clear_error_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(filesystem.os, "fsync", full)
    with pytest.raises(Refusal, match="No space left on device") as refused:
        write_tree(tmp_path, files(a="1\n"))
    assert refused.value.code == "MLS504"
    assert on_disk(tmp_path) == {}


def test_a_folder_in_the_place_of_a_file_is_not_thrown_away(tmp_path: Path) -> None:
    (tmp_path / A / "mine").mkdir(parents=True)
    with pytest.raises(Refusal):
        write_tree(tmp_path, files(a="1\n"), force=True)
    assert (tmp_path / A / "mine").is_dir()
