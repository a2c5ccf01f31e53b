"""The two ways to roll out on a cluster: what both do, and by what each moves a model."""

from __future__ import annotations

from typing import get_type_hints

import pytest

from mlops_spec.runtime.cluster.argo import ArgoTrack
from mlops_spec.runtime.cluster.tracks import Tracks
from mlops_spec.runtime.rollout import ArgoWorld, ClusterWorld
from mlops_spec.runtime.rollout.on_cluster import OnCluster


@pytest.mark.parametrize(("world", "moved_by"), [(ClusterWorld, Tracks), (ArgoWorld, ArgoTrack)])
def test_each_world_says_by_what_it_moves_a_model(
    world: type[OnCluster], moved_by: type[Tracks | ArgoTrack]
) -> None:
    assert get_type_hints(vars(world)["tracks"].func)["return"] is moved_by
    assert world.__abstractmethods__ == frozenset()


def test_neither_world_has_what_only_the_other_does() -> None:
    assert not issubclass(ArgoWorld, ClusterWorld)
    assert not hasattr(ClusterWorld, "judged")
    shared = {name for name in vars(OnCluster) if not name.startswith("_")}
    assert shared == {"tracks", "package", "check", "arms", "pairs", "traffic"}
