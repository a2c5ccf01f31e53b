"""Whatever a file holds, validation ends with documents or diagnostics, and with nothing else."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from language import INVALID, KINDS, SPECS

from mlops_spec.diagnostics import Diagnostic, Diagnostics, SourceText
from mlops_spec.link.link import link
from mlops_spec.load.discover import decode
from mlops_spec.load.parse import parse_project, parse_spec
from mlops_spec.load.yaml_reader import read_yaml

PATH = "specs/case.yaml"
CORPUS = [
    path.read_bytes() for path in [*sorted(SPECS.glob("*.full.yaml")), *INVALID.glob("*.yaml")]
]
BOUNDED = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
WORDS = [
    b"\t", b"  ", b"\n", b": ", b"- ", b"{", b"}", b"[", b"]", b"&a ", b"*a", b"!!str ", b"---\n",
    b"'", b'"', b"|\n", b"? ", b"null", b".nan", b"1e999", b"-1", b"0", b"true", b"\x00", b"\xff",
    b"%", b"#", b"kind: Model\n", b"9" * 5000, b"\xe2\x80\xa8", b"<<: ", "É".encode(), b"\\x1c",
    b"standard",
]  # fmt: skip
PROJECT = read_yaml(
    SourceText("mlops.yaml", (SPECS / "project.full.yaml").read_text()), Diagnostics()
)


def check(content: bytes) -> tuple[list[Diagnostic], SourceText | None]:
    """Load and link one file of specs beside a sound mlops.yaml, in memory."""
    found = Diagnostics()
    source = decode(PATH, content, found)
    trees = read_yaml(source, found) if source else ()
    documents = [spec for tree in trees if (spec := parse_spec(tree, found))]
    for tree in trees:
        parse_project(tree, Diagnostics())
    project = parse_project(PROJECT[0], found)
    assert project is not None
    link(project, documents, (), found)
    return list(found), source


def assert_honest(found: list[Diagnostic], source: SourceText | None) -> None:
    """A place lies inside of its file."""
    last = source.position(len(source.text)).line if source else 1
    for diagnostic in found:
        if diagnostic.span and source and diagnostic.span.path == PATH:
            start = diagnostic.span.start
            assert 1 <= start.line <= last + 1
            assert 1 <= start.column <= len(source.line(start.line)) + 1
            assert diagnostic.span.end > start


@BOUNDED
@given(st.binary(max_size=300))
def test_any_bytes_are_documents_or_diagnostics(content: bytes) -> None:
    found, source = check(content)

    assert_honest(found, source)


@BOUNDED
@given(
    st.text(
        alphabet=st.sampled_from(list("ab:-[]{}&*!|>'\"%@`#?,\n \t\r\x85\u2028é1.~<=")),
        max_size=120,
    )
)
def test_any_text_of_yaml_signs_is_documents_or_diagnostics(content: str) -> None:
    found, source = check(content.encode())

    assert_honest(found, source)


@BOUNDED
@given(st.sampled_from(CORPUS), st.integers(0, 2**32), st.integers(1, 4))
def test_a_damaged_spec_is_documents_or_diagnostics(content: bytes, seed: int, cuts: int) -> None:
    chance = random.Random(seed)
    for _ in range(cuts):
        start = chance.randrange(len(content) + 1)
        end = min(len(content), start + chance.choice([0, 0, 1, 3, 20]))
        content = content[:start] + chance.choice([b"", *WORDS]) + content[end:]
    found, source = check(content)

    assert_honest(found, source)


@BOUNDED
@given(st.sampled_from(KINDS), st.integers(0, 2**32))
def test_lines_in_any_order_are_documents_or_diagnostics(kind: str, seed: int) -> None:
    lines = (SPECS / f"{kind}.full.yaml").read_text().splitlines(keepends=True)
    random.Random(seed).shuffle(lines)
    found, source = check("".join(lines).encode())

    assert_honest(found, source)
