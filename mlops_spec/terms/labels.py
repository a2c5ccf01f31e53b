"""The labels and annotations of every object on a cluster: whose it is, and who may change it."""

from __future__ import annotations

from typing import Final

from mlops_spec.terms.exposition import TO_USERS

NAME: Final = "app.kubernetes.io/name"
PART_OF: Final = "app.kubernetes.io/part-of"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
COMPONENT: Final = "app.kubernetes.io/component"
SOURCE: Final = "mlops-spec/source"
ENVIRONMENT: Final = "mlops-spec/environment"
# Which of two versions a pod belongs to: during a rollout a second set of objects is `next`.
TRACK: Final = "mlops-spec/track"
STABLE: Final = "stable"
NEXT: Final = "next"
# The same label on the series of a pod, where the Prometheus operator puts it there.
TRACK_SERIES: Final = "mlops_spec_track"
# What users are answered on both, and all that is answered on one.
USERS_OF_EITHER: Final = f'{TRACK_SERIES}=~"{STABLE}|{NEXT}", {TO_USERS}'
ALL_OF_NEXT: Final = f'{TRACK_SERIES}="{NEXT}"'
RELEASE: Final = "mlops-spec/release"
MANAGER: Final = "mlops-spec"
