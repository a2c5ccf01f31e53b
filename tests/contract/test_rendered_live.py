"""Every rendered object, asked of a real API server without effect. Runs where KUBECONFIG is set.

Custom resources are asked about where their definitions are installed: those of ../shared/crds.
"""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping

import pytest
from trees import objects

from mlops_spec.model.files import FileSet
from mlops_spec.runtime.cluster.connection import connect
from mlops_spec.runtime.cluster.objects import Object, Ref
from mlops_spec.runtime.cluster.server import ApiServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

NAMESPACE = f"mlops-spec-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    found = ApiServer(connect())
    found.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    yield found
    found.delete(Ref("v1", "Namespace", "", NAMESPACE))


def here(found: Mapping[str, object]) -> Object:
    """The object in a namespace that is there."""
    metadata = found["metadata"]
    assert isinstance(metadata, Mapping)
    return {**found, "metadata": {**metadata, "namespace": NAMESPACE}}


if os.environ.get("KUBECONFIG"):

    def test_a_real_server_takes_every_object(
        server: ApiServer, trees: Mapping[str, FileSet]
    ) -> None:
        kinds: Counter[str] = Counter()
        for files in trees.values():
            for path, found in objects(files):
                if found["kind"] == "Namespace" or not server.knows(
                    found["apiVersion"], found["kind"]
                ):
                    continue
                wanted = here(found)
                made = server.apply(wanted, dry_run=True)
                assert made["kind"] == wanted["kind"], path
                kinds[wanted["kind"]] += 1
        assert {"Deployment", "Service", "CronJob", "PodDisruptionBudget"} <= set(kinds)
