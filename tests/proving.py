"""Evidence for a model that no flow has trained: the journal's records, and what they sign."""

from __future__ import annotations

import json
from pathlib import Path

from mlops_spec.model.plan import Call
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Signing
from mlops_spec.runtime.evidence.envelope import seal
from mlops_spec.runtime.evidence.keys import signing_key
from mlops_spec.runtime.evidence.statement import statement_of
from mlops_spec.runtime.evidence.verify import EVIDENCE_FILE, RELEASE_FILE
from mlops_spec.terms.keys import evaluate_key
from mlops_spec.terms.verdict import Outcome, Verdict

TRUST = Call("Trust", (("environment", "local"), ("signer", "workspace")))
PASSED = Verdict("roc_auc", Outcome.PASS, 0.81, 0.79, 0.83, 2000, "≥ 0.7")


def judge(
    context: Context, run: str, digest: str, verdicts: tuple[Verdict, ...] = (PASSED,)
) -> None:
    """Record that the model with this digest was evaluated, gated and registered."""
    outcome = "pass" if all(v.outcome is Outcome.PASS for v in verdicts) else "fail"
    _done(context, "evaluate", evaluate_key(run), run, {"portable": {"digest": digest}})
    found = [verdict.to_json() for verdict in verdicts]
    gate = {"outcome": outcome, "verdicts": found, "baseline": "", "first_model": True}
    _done(context, "gate", f"gate-{run}", run, gate)
    code = {"code_revision": "0" * 40, "code_dirty": "false"}
    _done(context, "register", f"register-{run}", run, {"version": "1", "code": code})


def prove(
    context: Context, folder: Path, *, run: str = "run1", release: str = "r", digest: str = "",
    signing: Signing | None = None,
) -> None:  # fmt: skip
    """Write `release.json` and `evidence.json` into a folder, as packaging does."""
    judge(context, run, digest)
    said = {
        "model": context.model, "version": "1", "release": release, "run": run, "digest": digest,
    }  # fmt: skip
    sealed = seal(statement_of(context, said), signing_key(context.workspace, signing))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RELEASE_FILE).write_text(json.dumps(said))
    (folder / EVIDENCE_FILE).write_text(sealed)


def _done(context: Context, step: str, key: str, run: str, output: dict[str, object]) -> None:
    context.journal.start(context.model, step, key, run)
    context.journal.finish(context.model, step, key, "done", output)
