"""What a rollout does wherever it serves: package the model, name it, know its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Dataset, Recipe, Service, Signing
from mlops_spec.runtime.rollout.golden import spread
from mlops_spec.runtime.rollout.release import Release
from mlops_spec.runtime.rollout.replay import body_of
from mlops_spec.runtime.rollout.request_rows import request_rows
from mlops_spec.terms.verdict import Verdict

if TYPE_CHECKING:
    import pandas as pd

    from mlops_spec.runtime.train.registry import Alias

# Rows that a replay sends again and again: of the newest week, which has each hour and weekday, or
# as many where a week has fewer.
REPLAYED_ROWS: Final = 5_000
_WEEK: Final = "7D"
BEFORE_PRODUCTION: Final = ("candidate", "staging", "validation")
TAG_LENGTH: Final = 4_000  # MLflow's tables take 5,000 characters


@dataclass(frozen=True, slots=True)
class Place:
    """The registry's address (`sqlite`: a file of ours), whether to replay held-out rows, and whose
    key signs evidence (None: the workspace's own).
    """

    registry: str
    replay: bool
    signing: Signing | None = None


@dataclass
class TrainedWorld:
    """The part of a `World` that does not depend on where services run."""

    context: Context
    dataset: Dataset
    recipe: Recipe
    service: Service
    place: Place

    def package(self, release: Release) -> str:
        from mlops_spec.runtime.service.packaging import package

        signing = self.place.signing
        return package(self.context, release.run, release.id, release.version, signing)

    def stage(self, release: Release) -> None:
        self._name(release, "staging")
        self._keep_evidence(release)

    def validate(self, release: Release) -> None:
        self._name(release, "validation")

    def promote(self, release: Release, verdicts: tuple[Verdict, ...]) -> None:
        self._name(release, "production")
        self._tag(release, {"mlops_spec.rollout": "\n".join(v.line() for v in verdicts)})

    def quarantine(self, release: Release, reason: str) -> None:
        self._tag(release, {"mlops_spec.quarantined": reason}, drop=BEFORE_PRODUCTION)

    def golden_rows(self, release: Release) -> tuple[list[dict[str, Any]], pd.Series]:
        """Held-out rows as requests, and the scores that the evaluation gave them."""
        from mlops_spec.runtime.train.evaluation import heldout_answers

        rows = spread(self._heldout(release))
        answers = spread(heldout_answers(self.context, release.run))
        return request_rows(rows, self.dataset, self.recipe.features), answers["score"]

    def bodies(self, release: Release) -> list[bytes]:
        """Held-out rows as the bodies of requests."""
        newest = _newest(self._heldout(release), self.dataset.time)
        # Shuffled, because they are in order of time and a short step would see one day.
        rows = newest.sample(min(len(newest), REPLAYED_ROWS), random_state=0)
        return [body_of(row) for row in request_rows(rows, self.dataset, self.recipe.features)]

    def _name(self, release: Release, alias: Alias) -> None:
        from mlops_spec.runtime.train.registry import promote

        promote(self.context, release.run, alias, self.place.registry)

    def _keep_evidence(self, release: Release) -> None:
        """The signed verdicts stand in the registry too, under the release that carries them."""
        from mlops_spec.runtime.service.packaging import evidence_of
        from mlops_spec.runtime.train.tracking import client_of

        place = evidence_of(self.context.workspace, f"{release.model}:{release.id}")
        with client_of(self.context, self.place.registry) as client:
            tracked = client.get_model_version(release.model, release.version).run_id
            client.log_artifact(tracked, str(place), f"releases/{release.id}")

    def _tag(self, release: Release, tags: dict[str, str], *, drop: tuple[str, ...] = ()) -> None:
        from mlops_spec.runtime.train.tracking import client_of

        with client_of(self.context, self.place.registry) as client:
            for name, value in tags.items():
                client.set_model_version_tag(
                    release.model, release.version, name, value[:TAG_LENGTH]
                )
            aliases = client.get_registered_model(release.model).aliases
            for alias in drop:
                if str(aliases.get(alias, "")) == release.version:
                    client.delete_registered_model_alias(release.model, alias)

    def _heldout(self, release: Release) -> pd.DataFrame:
        from mlops_spec.runtime.train.evaluation import heldout_rows

        return heldout_rows(self.context, release.run)


def _newest(heldout: pd.DataFrame, time: str | None) -> pd.DataFrame:
    """The rows of the last week, or the last ones where a week has less than a replay sends.

    The last rows alone would be those of an hour, where an hour has so many.
    """
    import pandas as pd

    if time is None:
        return heldout
    of_week: pd.DataFrame = heldout[heldout[time] > heldout[time].max() - pd.Timedelta(_WEEK)]
    if len(of_week) > REPLAYED_ROWS:
        return of_week
    return heldout.sort_values(time, kind="stable").tail(REPLAYED_ROWS)
