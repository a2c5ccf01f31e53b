"""Where the model comes from: enough to make it again."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_spec.runtime.card.recorded import Recorded
from mlops_spec.runtime.card.section import Section
from mlops_spec.runtime.page.markup import day, facts, number, soft, text


def lineage(found: Recorded) -> Section:
    return Section(
        "lineage", "Lineage", "The same data, recipe and seed are the same run.",
        f"{facts(_pairs(found))}{_packages(found)}",
    )  # fmt: skip


def _pairs(found: Recorded) -> Iterator[tuple[str, str]]:
    origin, fitted = found.origin, found.steps.get("fit")
    yield "Run", f"<code>{text(found.run)}</code>"
    yield "Data", f"<code>{text(fitted.output.get('data') if fitted else 'not recorded')}</code>"
    yield "Code", _code(found)
    yield "Seed", text(found.manifest.get("recipe", {}).get("seed", "not recorded"))
    yield "Model file", f"<code>{text(found.manifest.get('sha256', 'not recorded'))}</code>"
    baseline = found.decided.baseline if found.decided else ""
    yield "Compared with", f"run <code>{text(baseline)}</code>" if baseline else "nothing: first"
    facets = ", ".join(
        f"{name} {value}" for name, value in sorted(origin.get("facets", {}).items())
    )
    yield "Spec, by class of change", f"<code>{text(facets or 'not recorded')}</code>"
    if fitted is not None:
        yield "Fitted", _fitted(fitted.output.get("seconds"), fitted.finished_at)
        for warning in fitted.output.get("warnings", []):
            yield "Warning", text(warning)
    if found.decided is not None and found.decided.at is not None:
        yield "Judged", f"{day(found.decided.at)} UTC"
    if origin:
        yield "Registered", f"{day(origin['at'])} UTC by {text(origin['by'])}"


def _code(found: Recorded) -> str:
    code = found.origin.get("code", {})
    revision = code.get("code_revision", "unknown")
    if revision == "unknown":
        return "unknown: the project was in no repository"
    dirty = code.get("code_dirty") == "true"
    state = "with changes that were not committed" if dirty else "as committed"
    kind = "warn" if dirty else "soft"
    return f'<code>{text(revision)}</code> <span class="{kind}">{state}</span>'


def _fitted(seconds: float | None, at: float | None) -> str:
    took = f"in {number(seconds)} s" if seconds is not None else ""
    return f"{took}{', ' if took and at else ''}{f'{day(at)} UTC' if at else ''}"


def _packages(found: Recorded) -> str:
    packages = [str(line) for line in found.origin.get("packages", [])]
    if not packages:
        return soft("The installed packages are not recorded.")
    listed = "\n".join(text(line) for line in packages)
    return (
        f"<details><summary>{text(packages[0].lstrip('# '))}, {len(packages) - 1} packages"
        f"</summary><pre>{listed}</pre></details>"
    )
