"""Projects by chance: each field of an environment and of a service at its ends and in between."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import yaml
from language import write_project

SEEDS = range(8)
_KEY = "hR7cJr0T7mB5m1m3kqVnM4o7v3r8w5yQz2t1u0s9xWc="
_TEXTS = ("", "on: call", "{{ owner }} # 'no' \"yes\"", "Δ\u2028: 名前", "a\\nb ${HOME} `id`")
_CRONS = ("* * * * *", "0 2 * * *", "*/15 0-6 1,15 jan-dec mon")
_TIMES = ("0.4ms", "50ms", "1500ms", "2s", "59.999s", "1h", "4w")


def fuzzed_project(seed: int, root: Path) -> Path:
    """The sample with another mlops.yaml, another Model and Rollouts that every router honours."""
    rng = random.Random(seed)
    environments = {_name(rng): _environment(rng) for _ in range(2)}
    for number, environment in enumerate(environments.values()):
        environment["serve"]["namespace"] += f"-{number}"  # each has its own
    name = rng.choice(("p", "p" * 49)) + str(seed)  # no two projects have one name
    project = {"project": name, "environments": environments}
    documents = [_model(rng), *(_rollout(rng, name) for name in ("careful", "standard"))]
    text = f"# mlops.yaml\n{yaml.safe_dump(project)}\n# specs/case.yaml\n"
    return write_project(root, (text + yaml.safe_dump_all(documents)).encode())


def _name(rng: random.Random) -> str:
    """A DNS label of 1 to 50 characters."""
    length = rng.choice((1, 2, 7, 49, 50))
    inside = "".join(rng.choices("abcxyz019-", k=max(0, length - 2)))
    return "m" + inside + ("9" if length > 1 else "")


def _some(rng: random.Random, **choices: Any) -> dict[str, Any]:
    """Some of the fields, each with what its function makes or with one of its values."""
    return {
        name: choice(rng) if callable(choice) else rng.choice(choice)
        for name, choice in choices.items()
        if rng.random() < 0.5
    }


def _environment(rng: random.Random) -> dict[str, Any]:
    argo = rng.random() < 0.4
    serve = {
        "on": "kubernetes",
        "router": "argo-rollouts" if argo else "gateway-api",
        "namespace": rng.choice(("ml", "kube-ml", "default-too", "n" * 40)),
        **_some(
            rng,
            images=("registry.acme.example:5000/ml", "ghcr.io/acme/", "localhost"),
            gateway=("public", "infra/public", "a-b/c.d"),
            callers=lambda r: [_name(r) for _ in range(r.randrange(1, 4))],
            api_server=(["10.0.0.0/28"], ["fd00::/8", "10.1.2.3/32"]),
            volume=_name,
            volume_size=("1kB", "1.5GB"),
            context=("prod", "user@cluster:443"),
        ),
    }
    if "volume" not in serve:
        serve.pop("volume_size", None)
    return {
        "serve": serve,
        "signing": {"public_key": _KEY},
        **({"monitoring": _monitoring(rng, argo)} if argo or rng.random() < 0.5 else {}),
        **_some(rng, flows=_flows, state_env=("MLOPS_STATE",)),
    }


def _monitoring(rng: random.Random, argo: bool) -> dict[str, Any]:
    address, operator = "http://prometheus.monitoring.svc:9090/path?x=1", "prometheus-operator"
    labels = {"release": "x", "acme.example/team": "", "a": "y"}
    found = _some(
        rng, namespace=_name, prometheus=(address,), operator=("none", operator), labels=(labels,)
    )
    return {**found, "prometheus": address, "operator": operator} if argo else found


def _flows(rng: random.Random) -> dict[str, Any]:
    image = rng.choice(("flows", "host:5000/a/b_c:1.2-x", f"ghcr.io/a@sha256:{'0' * 64}"))
    resources = rng.choice(({}, {"resources": {"cpu": 0.5, "memory": "1.5GB"}}))
    return {"image": image, "secret": _name(rng), **resources}


def _model(rng: random.Random) -> dict[str, Any]:
    fewest = rng.choice((2, 4, 100))
    replicas = {
        "min": fewest,
        "max": fewest + rng.choice((0, 1, 900)),
        "at_rps": rng.choice((1, 99)),
    }
    serve = _some(
        rng,
        workers=(1, 2, 64),
        resources=({"cpu": 0.1}, {"memory": "512MB"}, {"cpu": 512, "memory": "1.5GB"}),
        timeout=_TIMES,
        max_rows=(1, 1_000_000),
        grpc=(True, False),
        slo=({"p99": "1ms", "errors": "0%"}, {"p99": "4w", "errors": "100%"}),
    )
    return {
        "kind": "Model", "name": _name(rng), "owner": rng.choice(_TEXTS), "dataset": "trips",
        "description": rng.choice(_TEXTS),
        "task": "binary", "features": ["zone", "distance"],
        "train": {"estimator": "sklearn.linear_model.LogisticRegression"},
        "serve": {**serve, "replicas": replicas},
        "batch": {
            "input": "waiting-trips", "output": {"parquet": "out"},
            **_some(rng, schedule=_CRONS),
        },
    }  # fmt: skip


def _rollout(rng: random.Random, name: str) -> dict[str, Any]:
    """Steps that two copies can take, and no scores: what Argo honours too."""
    each = {"at_most": rng.choice(("2d", "4w"))}
    each |= _some(rng, min_requests=(1, 10**6), at_least=("1ms", "7m", "1d"))
    found = {
        "kind": "Rollout", "name": name,
        "canary": {"steps": rng.choice((["100%"], ["50%", "100%"])), "each": each},
        "abort_when": {
            "score_shift": None,
            **_some(rng, errors=({"above": "0.01%"}, {"above": "100%"}), p99=({"above": "3ms"},)),
        },
        **_some(rng, confidence=("50%", "99.9%")),
    }  # fmt: skip
    return found
