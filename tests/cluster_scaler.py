"""What looks at scalers in the test cluster: it keeps the copies that each has at least."""

from __future__ import annotations

from dataclasses import dataclass, field

LEAST = {"HorizontalPodAutoscaler": "minReplicas", "ScaledObject": "minReplicaCount"}


@dataclass
class Scaler:
    """`after`: looks at the cluster until it sees a Deployment that is new; None: never."""

    after: int | None = 2
    looks: dict[tuple, int] = field(default_factory=dict)

    def look(self, objects: dict[tuple, dict]) -> None:
        for key, found in objects.items():
            if key[1] not in LEAST or self.after is None:
                continue
            target = ("apps/v1", "Deployment", key[2], found["spec"]["scaleTargetRef"]["name"])
            least, scaled = found["spec"].get(LEAST[key[1]], 1), objects.get(target)
            if scaled is None or scaled["spec"]["replicas"] >= least:
                self.looks.pop(target, None)
                continue
            self.looks[target] = self.looks.get(target, 0) + 1
            if self.looks[target] > self.after:
                # A real Deployment gets another generation by this, but no other pods.
                scaled["spec"]["replicas"] = least
