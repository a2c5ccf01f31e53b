"""Any string -> filter -> that language's parser -> the same string."""

from __future__ import annotations

import ast
import io
import json
import shlex
import subprocess
import tokenize
import unicodedata
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError
from ruamel.yaml import YAML

from mlops_spec.model.plan import Call
from mlops_spec.render import quoting
from mlops_spec.render.dump import dump_documents
from mlops_spec.render.environment import UnquotedValue, environment
from mlops_spec.render.layout import LINE, lay_out, width

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
NASTY = [
    "", "no", "null", "~", "0x1F", "010", "1e3", "1_000", "12:30", "2024-01-01", "=", "<<", "- a",
    "a: b", "#", "a #b", "'", '"', "\\", "\\n", "\n", "\r\n", "\t", "{{ x }}", "{% raw %}", "$(id)",
    "${X}", "\u2028", "\u0085", "\u202e", "\ufeff", "\x00", "\x7f", "Δ",
    "`id`", "😀", "e\u0301", " a", "a ", "a\\", "%", "@", "*a",
]  # fmt: skip
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(TEXT, inner, max_size=4)
    ),
    max_leaves=12,
)


def nasty(test: Any) -> Any:
    for text in NASTY:
        test = example(text)(test)
    return test


@nasty
@given(TEXT)
def test_python_gives_any_text_back(text: str) -> None:
    assert ast.literal_eval(lay_out(quoting.python(text))) == text


@given(VALUES)
def test_python_gives_any_value_back_from_any_column(value: Any) -> None:
    text = lay_out(f"{'x' * 40} = {quoting.python(value)}\n")
    assert ast.literal_eval(text.partition("= ")[2]) == value


@given(VALUES)
def test_a_broken_literal_fits_its_lines_unless_one_text_does_not(value: Any) -> None:
    text = lay_out(f"VALUE = {quoting.python(value)}\n")
    # A key and its value stand on one line.
    longest = sum(sorted(width(token) for token in _tokens(text))[-2:])
    assert all(width(line) <= max(LINE, longest + 60) for line in text.splitlines())


def _tokens(text: str) -> list[str]:
    return [token.string for token in tokenize.generate_tokens(io.StringIO(text).readline)]


@nasty
@given(TEXT)
def test_a_docstring_holds_any_text_on_one_line(text: str) -> None:
    printed = quoting.docstring(text)
    assert "\n" not in printed
    assert ast.literal_eval(printed) == (quoting.comment(text) or "No description.")


@nasty
@given(TEXT)
def test_yaml_gives_any_text_back_from_two_parsers(text: str) -> None:
    printed = f"key: {quoting.yaml(text)}\n"
    assert yaml.safe_load(printed) == {"key": text}
    assert YAML(typ="safe", pure=True).load(printed) == {"key": text}


@given(NUMBERS | st.booleans() | st.none())
def test_yaml_gives_any_number_back_from_two_parsers(value: Any) -> None:
    printed = f"key: {quoting.yaml(value)}\n"
    assert yaml.safe_load(printed) == {"key": value}
    assert YAML(typ="safe", pure=True).load(printed) == {"key": value}


@nasty
@given(TEXT)
def test_dumped_yaml_gives_any_text_back_from_two_parsers(text: str) -> None:
    document = {"key": text, f"k{text}": [text, {"deep": text}]}
    printed = dump_documents([document])
    assert yaml.safe_load(printed) == document
    assert YAML(typ="safe", pure=True).load(printed) == document


@nasty
@given(TEXT)
def test_shell_gives_any_text_back(text: str) -> None:
    if "\0" in text:
        with pytest.raises(ValueError, match="NUL"):
            quoting.shell(text)
    else:
        assert shlex.split(f"printf %s {quoting.shell(text)}") == ["printf", "%s", text]


@settings(max_examples=15, deadline=None)
@given(st.lists(TEXT.filter(lambda text: "\0" not in text), min_size=8, max_size=8))
def test_a_real_shell_gives_any_text_back(texts: list[str]) -> None:
    texts += [text for text in NASTY if "\0" not in text]
    words = " ".join(map(quoting.shell, texts))
    done = subprocess.run(["/bin/sh", "-c", f"printf '%s\\001' {words}"], stdout=-1, check=True)
    assert done.stdout.decode().split("\x01")[:-1] == [
        text for joined in texts for text in joined.split("\x01")
    ]


@nasty
@given(TEXT)
def test_a_dockerfile_word_is_one_word_or_refused(text: str) -> None:
    if any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in text):
        with pytest.raises(ValueError, match="control"):
            quoting.dockerfile(text)
    else:
        assert _dockerfile_word(quoting.dockerfile(text)) == text


def _dockerfile_word(printed: str) -> str:
    """As the Dockerfile reference reads a word: in double quotes, a backslash escapes."""
    if not printed.startswith('"'):
        return printed
    return "".join(_unescaped(printed[1:-1]))


def _unescaped(text: str) -> list[str]:
    found, characters = [], iter(text)
    for character in characters:
        assert character not in '"$', "an unescaped quote or variable"
        found.append(next(characters) if character == "\\" else character)
    return found


@nasty
@given(TEXT)
def test_promql_gives_any_text_back(text: str) -> None:
    """Go's string literals; JSON reads the same escapes but for the two that JSON lacks."""
    printed = quoting.promql(text)
    as_json = printed.replace("\\\\", "\0").replace("\\x", "\\u00")
    as_json = _surrogates(as_json).replace("\0", "\\\\")
    assert json.loads(as_json) == text


def _surrogates(text: str) -> str:
    parts = text.split("\\U")
    return parts[0] + "".join(
        json.dumps(chr(int(part[:8], 16)))[1:-1] + part[8:] for part in parts[1:]
    )


@nasty
@given(TEXT)
def test_a_comment_stays_on_its_line(text: str) -> None:
    printed = f"# {quoting.comment(text)}"
    assert printed.splitlines() == [printed]
    assert printed.isprintable()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("quote", [quoting.python, quoting.yaml])
def test_no_number_that_is_none_gets_into_a_file(quote: Any, value: float) -> None:
    with pytest.raises(ValueError, match="not a number that can stand in a file"):
        quote(value)


@pytest.mark.parametrize("text", ["", "class", "a b", "1a", "a-b", "None", "a\n"])
def test_what_is_no_python_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a Python name"):
        quoting.identifier(text)


@pytest.mark.parametrize("quote", quoting.FILTERS.values())
def test_an_object_has_no_literal(quote: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        quote(object())


def test_a_value_without_a_filter_is_an_error() -> None:
    with pytest.raises(UnquotedValue, match="reached the output without a quoting filter"):
        environment().from_string("{{ name }}").render(name="x")


@pytest.mark.parametrize("name", sorted(quoting.FILTERS))
def test_a_value_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(UndefinedError, match="'nothing' is undefined"):
        environment().from_string("{{ nothing | " + name + " }}").render()


def test_a_call_is_broken_where_it_does_not_fit() -> None:
    call = Call("Split", (("by", "time"), ("test", 0.2)))
    outer = Call("Dataset", (("name", "x" * 60), ("split", call), ("values", ("y" * 20,))))
    assert lay_out(f"D = {quoting.python(outer)}\n") == (
        'D = Dataset(\n'
        f'    name="{"x" * 60}",\n'
        '    split=Split(by="time", test=0.2),\n'
        f'    values=("{"y" * 20}",),\n'
        ')\n'
    )  # fmt: skip
