"""The steps of one rollout: each is done once per release and production.

The table of deployments is the truth of the traffic split: a step writes it in one transaction,
and the router follows it. Whoever comes back after a kill publishes it again first; an error that
is no verdict takes the candidate out of the router, because nobody watches it any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from mlops_spec.runtime.context import Output, Progress
from mlops_spec.runtime.declare import CanaryStep, Shadow
from mlops_spec.runtime.rollout.judge import NO_CONTROL, judge_canary, judge_shadow, together
from mlops_spec.runtime.rollout.release import Ending, Rollout
from mlops_spec.runtime.rollout.watch import Judged, Probe, Watch, Window
from mlops_spec.state import Deployment
from mlops_spec.terms.steps import canary_step
from mlops_spec.terms.verdict import Outcome, Verdict


def package(rollout: Rollout) -> str:
    """Package the trained model in its service; the Bento's tag."""
    rollout.forget("package")  # somebody may have changed it since: looking again is cheap
    output = rollout.once("package", lambda _: {"bento": rollout.world.package(rollout.release)})
    return str(output["bento"])


def deploy(rollout: Rollout, bento: str) -> Judged:
    """Start the release beside production, without traffic; see that it answers as evaluated."""
    row = rollout.row
    if rollout.recorded("deploy") and not (row and rollout.world.alive(row)):
        rollout.forget("deploy")  # the machine was restarted since

    def work(_: Progress) -> Output:
        started = rollout.clock.now()
        route(rollout, weight=0.0, mirror=False)
        port = rollout.world.start(rollout.release, bento, copies=rollout.compares)
        verdicts = rollout.world.check(rollout.release, port)
        route(rollout, weight=0.0, mirror=False, port=port)
        outcome = together(verdicts)
        if outcome is Outcome.PASS:
            rollout.world.stage(rollout.release)
            if not rollout.compares:
                # No copies will be compared: its answers to held-out rows are what is checked.
                rollout.world.validate(rollout.release)
        judged = Judged(
            "deploy", outcome, verdicts, seconds=rollout.clock.now() - started,
            reason=next((v.line() for v in verdicts if v.outcome is outcome), "not checked"),
        )  # fmt: skip
        return {**judged.to_json(), "port": port}

    return Judged.from_json("deploy", rollout.once("deploy", work))


def shadow(rollout: Rollout, plan: Shadow) -> Judged:
    """Send the candidate copies of production's requests, and compare what both decide."""
    if not rollout.compares:
        return _skip(rollout, "shadow")

    def work(progress: Progress) -> Output:
        route(rollout, weight=0.0, mirror=True)
        sight = rollout.world.pairs(rollout.release)
        window = Window(plan.min_requests, 0.0, plan.at_most)
        probe = Probe(
            sight.count,
            lambda levels: judge_shadow(
                sight.pairs(), plan.min_agreement, rollout.policy.limits, levels
            ),
        )
        with _withdrawn_on_error(rollout), rollout.world.traffic(rollout.release):
            judged = _watch(rollout, "shadow", window).run(probe, progress)
        if judged.passed:
            rollout.world.validate(rollout.release)
        route(rollout, weight=0.0, mirror=False)
        return judged.to_json()

    return Judged.from_json("shadow", rollout.once("shadow", work))


def canary(rollout: Rollout, plan: CanaryStep) -> Judged:
    """Give the candidate its share of requests, and judge it beside production.

    A first model has nothing beside it: it is judged at 100 % alone, by its errors and its p99.
    """
    step = canary_step(plan.share)
    alone = not rollout.release.production
    if alone and plan.share < 1:
        return _skip(rollout, step)

    def work(progress: Progress) -> Output:
        route(rollout, weight=plan.share, mirror=False)
        sight = rollout.world.arms(rollout.release, plan.share)
        window = Window(plan.min_requests, plan.at_least, plan.at_most)
        probe = Probe(
            sight.count,
            lambda levels: judge_canary(sight.arms(), rollout.policy.limits, levels),
        )
        with _withdrawn_on_error(rollout), rollout.world.traffic(rollout.release):
            judged = _watch(rollout, step, window).run(probe, progress)
        note = f"{NO_CONTROL}: scores are not judged" if alone or plan.share >= 1 else ""
        return {**judged.to_json(), "note": note}

    return Judged.from_json(step, rollout.once(step, work))


def rollback(rollout: Rollout, judged: Judged) -> Ending:
    """Take the candidate out of the router at once, then stop it and say why everywhere."""
    reason = f"{judged.step}: {judged.outcome}: {judged.reason}"[:2000]
    _refuse(rollout, reason)
    finish_rollback(rollout, reason)
    return Ending(judged.outcome.value, rollout.release.id, rollout.release.version, reason)


def finish_rollback(rollout: Rollout, reason: str) -> None:
    """Everything of a rollback after the state; done again by a rollout that finds it half done."""
    rollout.world.publish()
    rollout.world.stop(rollout.release.id)
    rollout.world.quarantine(rollout.release, reason)


def promote(rollout: Rollout) -> Ending:
    """Make the candidate production; what it replaces stays up as the way back."""
    release = rollout.release
    verdicts = _evidence(rollout)

    def work(_: Progress) -> Output:
        rollout.world.promote(release, verdicts)
        _take_over(rollout)
        rollout.world.publish()
        _retire(rollout)
        return {"version": release.version, "previous": release.production}

    rollout.once("promote", work)
    return Ending(Outcome.PASS.value, release.id, release.version, "every step passed")


class Unproven(Exception):
    """A promotion was asked for without a passing verdict of every step: a bug, never a user's."""


def _evidence(rollout: Rollout) -> tuple[Verdict, ...]:
    """The verdicts of every step of the policy, all passing, the last canary step judged."""
    names = ["deploy", *(["shadow"] if rollout.policy.shadow else [])]
    names += [canary_step(step.share) for step in rollout.policy.canary]
    found: list[Verdict] = []
    for name in names:
        output = rollout.recorded(name)
        judged = Judged.from_json(name, output) if output else None
        if judged is None or not judged.passed or (name == names[-1] and judged.skipped):
            raise Unproven(f"{name} has not passed")
        found += judged.verdicts
    return tuple(found)


def _skip(rollout: Rollout, step: str) -> Judged:
    judged = Judged(step, Outcome.NO_DATA, skipped=NO_CONTROL, reason=NO_CONTROL)
    return Judged.from_json(step, rollout.once(step, lambda _: judged.to_json()))


def _watch(rollout: Rollout, step: str, window: Window) -> Watch:
    return Watch(step, window, rollout.policy.spending, rollout.clock)


@contextmanager
def _withdrawn_on_error(rollout: Rollout) -> Iterator[None]:
    try:
        yield
    except BaseException:
        route(rollout, weight=0.0, mirror=False)
        raise


def route(rollout: Rollout, *, weight: float, mirror: bool, port: int | None = None) -> None:
    """Give the candidate this share, production the rest: in the state, then in the router."""
    deployments = rollout.context.deployments
    row = rollout.row or _new_row(rollout)
    candidate = replace(
        row, role="candidate", weight=weight, mirror=mirror, port=port or row.port, reason=""
    )
    production = deployments.production(rollout.release.model)
    others = (replace(production, weight=1 - weight),) if production else ()
    deployments.save(candidate, *others)
    rollout.world.publish()


def _new_row(rollout: Rollout) -> Deployment:
    release = rollout.release
    return Deployment(release.model, release.id, release.run, release.version, "candidate")


def _refuse(rollout: Rollout, reason: str) -> None:
    deployments = rollout.context.deployments
    row = rollout.row or _new_row(rollout)
    refused = replace(row, role="quarantined", weight=0.0, mirror=False, port=None, reason=reason)
    production = deployments.production(rollout.release.model)
    deployments.save(refused, *((replace(production, weight=1.0),) if production else ()))


def _take_over(rollout: Rollout) -> None:
    deployments, model = rollout.context.deployments, rollout.release.model
    row, before = rollout.row, deployments.production(model)
    if row is None:
        raise Unproven(f"{rollout.release.id} is not deployed")
    if before is not None and before.release != row.release:
        deployments.save(
            replace(row, role="production", weight=1.0, mirror=False),
            replace(before, role="previous", weight=0.0, mirror=False),
        )
    else:
        deployments.save(replace(row, role="production", weight=1.0, mirror=False))


def _retire(rollout: Rollout) -> None:
    """Stop what is two promotions old: one way back is kept, with its process running."""
    deployments, release = rollout.context.deployments, rollout.release
    for row in deployments.of(release.model):
        if row.role == "previous" and row.release != release.production:
            rollout.world.stop(row.release)
            deployments.remove(row)
