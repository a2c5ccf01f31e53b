"""A gate self-test as a person reads it."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from mlops_spec.cli.views.selftest_text import print_selftest
from mlops_spec.runtime.gates.selftest.effects import Effect
from mlops_spec.runtime.gates.selftest.report import Claim, SelfTest, Trial

HARM = Effect("roc_auc", 0.0296, 0.00528)
WEAK = Effect("roc_auc", 0.001, 0.00528)
ALL = ("label noise", "quality", "all rows", ())
GROUP = ("broken segment", "group", "zone=[a]", ("zone",))
FOUND = SelfTest(
    "churn",
    "83f31ee848bd8656",
    "production",
    1000,
    20000,
    (Claim("roc_auc superiority", True, "is not better than itself"),),
    ("size: NO_DATA  n=0",),
    ("a slower model: no rule asks for latency",),
    (
        Trial(*ALL, "1% of labels", WEAK, "below"),
        Trial(*ALL, "5% of labels", HARM, "killed", ("roc_auc superiority", "roc_auc")),
        Trial(
            *GROUP, "50% reversed", Effect("roc_auc in zone=[a]", 0.2, None), "untold"
        ),
        Trial(*GROUP, "100% reversed", replace(HARM, of="roc_auc in zone=[a]"), "survived"),
    ),
    ("no rule looks into groups; add `segments: {a: {by: [zone]}}`",),
)  # fmt: skip


def printed(found: SelfTest) -> list[str]:
    out = Console(file=io.StringIO(), width=100)
    print_selftest(found, out)
    assert isinstance(out.file, io.StringIO)
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


def test_a_self_test_is_read_at_a_glance() -> None:
    assert printed(FOUND) == [
        "churn  gates tested on run 83f31ee848bd8656, in production  1,000 of 20,000 held-out rows",
        "  ✓ roc_auc superiority: is not better than itself",
        "  ! not tested, as the model itself does not pass it: size: NO_DATA  n=0",
        "  ! not tried: a slower model: no rule asks for latency",
        "",
        "                      harm  shows from  the gates        by",
        "label noise, all rows  harm in roc_auc",
        "  1% of labels       0.001     0.00528  · too weak",
        "  5% of labels      0.0296     0.00528  ✓ stopped        roc_auc superiority +1",
        "broken segment, zone=[a]  harm in roc_auc",
        "  50% reversed         0.2           ?  · not told",
        "  100% reversed     0.0296     0.00528  ✗ survived",
        "",
        "kill rate 50%: 1 of 2 mutants whose harm shows were stopped; 1 too weak to show, "
        "1 not told",
        "  → no rule looks into groups; add `segments: {a: {by: [zone]}}`",
    ]


def test_it_says_when_nothing_is_proven() -> None:
    only_groups = replace(FOUND, trials=FOUND.trials[2:], advice=())
    assert printed(only_groups)[-1] == (
        "not even the loss of all quality shows on these rows: nothing is proven"
    )
    nothing = printed(replace(FOUND, trials=FOUND.trials[:1], claims=()))
    assert nothing[1] == ("  ? no rule compares with production, so that there is no A/A to test")
    assert nothing[-1] == (
        "no mutant has done harm that these rows can show: the test says nothing"
    )
