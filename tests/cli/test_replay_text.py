"""A gate replay as a person reads it in a plan."""

from __future__ import annotations

from rich.markup import render

from mlops_spec.cli.views.replay_text import replay_lines
from mlops_spec.runtime.gates.replay import Flip, Replayed

DAY = 1_370_822_400.0  # 2013-06-10


def test_the_sentence_comes_first_then_a_line_a_candidate() -> None:
    flip = Flip("roc_auc", "pass", "fail", "roc_auc: FAIL  0.71")
    lines = replay_lines(
        (
            Replayed("83f31ee848bd8656", "12", DAY, "pass", "fail", (flip,)),
            Replayed("972dd02244900f1a", "", DAY, "fail", "pass"),
            Replayed("b69fa0dbcf769d72", "", DAY, "pass", "pass"),
            Replayed("3361d1c8e3c2f4d6", "9", 0.0, "pass", "", (), ("its folder [is] gone",)),
        )
    )

    assert [render(line).plain for line in lines] == [
        "    ↻ of the last 4 candidates 1 would not have been promoted: version 12 (roc_auc); "
        "1 that stopped would have been promoted: run 972dd022; 1 cannot be told",
        "      version 12    2013-06-10  pass → fail",
        "        roc_auc: FAIL  0.71",
        "      run 972dd022  2013-06-10  fail → pass",
        "      run b69fa0db  2013-06-10  pass, as before",
        "      version 9                 pass → cannot be told: its folder [is] gone",
    ]
