"""What the models of an environment share: the namespace, and the volume of their workspace."""

from __future__ import annotations

from typing import Final

from mlops_spec.lower.kubernetes.head import Object
from mlops_spec.lower.kubernetes.quantity import size
from mlops_spec.model.plan import Origin
from mlops_spec.model.units import Bytes
from mlops_spec.terms.labels import (
    COMPONENT,
    ENVIRONMENT,
    MANAGED_BY,
    MANAGER,
    NAME,
    PART_OF,
    SOURCE,
)

# Others live there already, and their pods may not fit the `restricted` profile.
_OF_OTHERS: Final = "default"
_OF_KUBERNETES: Final = "kube-"


def is_ours(name: str) -> bool:
    """Whether a project may say what runs in a namespace of that name."""
    return name != _OF_OTHERS and not name.startswith(_OF_KUBERNETES)


def namespace(origin: Origin, name: str) -> Object:
    """Refuses every pod that could do more than a service has to (Pod Security Standards).

    It does not say whose it is: projects share namespaces, and each would write its own name.
    """
    levels = {
        f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")
    }
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {
                MANAGED_BY: MANAGER,
                **levels,
            },
            "annotations": {SOURCE: origin.spec},
        },
    }


def claim(origin: Origin, namespace: str, name: str, room: Bytes) -> Object:
    """Where services write what they answered, and flows read it: from several nodes at once."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {
                NAME: origin.project,
                PART_OF: origin.project,
                MANAGED_BY: MANAGER,
                COMPONENT: "environment",
                ENVIRONMENT: origin.environment,
            },
            "annotations": {SOURCE: origin.spec},
        },
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": size(room)}},
        },
    }
