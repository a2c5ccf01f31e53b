"""Ports of this machine: chosen free once, remembered in the workspace, pinned by a variable."""

from __future__ import annotations

import json
import os
import re
import socket

from mlops_spec.runtime.machine.ours import listener_on, listens
from mlops_spec.runtime.machine.places import exclusive, replace_text
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.workspace import Workspace

_LARGEST = 65_535


def port_for(workspace: Workspace, name: str) -> int:
    """The loopback port of what is called `name`: the remembered one while it is free or ours.

    A stranger on a remembered port makes us choose another. A port that the user pinned with
    `MLOPS_SPEC_PORT_<NAME>` is never exchanged: `Refusal` MLS603 says who holds it.
    """
    with exclusive(workspace, "ports"):
        known = remembered(workspace)
        port = _pinned(workspace, name) or _again(workspace, known.get(name))
        if port is None:
            port = _free_port(set(known.values()))
        if known.get(name) != port:
            replace_text(workspace.ports, json.dumps({**known, name: port}, indent=2) + "\n")
    return port


def remembered(workspace: Workspace) -> dict[str, int]:
    """The ports by name, as they were chosen last; a broken file is forgotten."""
    try:
        found = json.loads(workspace.ports.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {str(name): int(port) for name, port in found.items()} if isinstance(found, dict) else {}


def forget_port(workspace: Workspace, name: str) -> None:
    """Give a port back when what used it is gone for good."""
    with exclusive(workspace, "ports"):
        known = remembered(workspace)
        if known.pop(name, None) is not None:
            replace_text(workspace.ports, json.dumps(known, indent=2) + "\n")


def grpc_of(name: str) -> str:
    """What the port is called at which the release of that name answers gRPC."""
    return f"{name}-grpc"


def variable_of(name: str) -> str:
    """The variable that pins a port: `MLOPS_SPEC_PORT_ROUTER` for `router`."""
    return "MLOPS_SPEC_PORT_" + re.sub(r"[^A-Z0-9]", "_", name.upper())


def pinned_elsewhere(workspace: Workspace, name: str) -> bool:
    """Whether the user pins another port than the one that was chosen last."""
    text = os.environ.get(variable_of(name), "")
    return bool(text) and text != str(remembered(workspace).get(name))


def _pinned(workspace: Workspace, name: str) -> int | None:
    variable = variable_of(name)
    text = os.environ.get(variable, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _LARGEST):
        raise Refusal(
            "MLS603", f"{variable} is {text!r}; a port is a whole number from 1 to {_LARGEST}"
        )
    port = int(text)
    if is_free(port) or listens(workspace, port):
        return port
    raise Refusal(
        "MLS603",
        f"port {port} for {name!r} is taken by {listener_on(port) or 'another program'}",
        f"end that program, or set {variable} to another port, or unset it to let one be chosen",
    )


def _again(workspace: Workspace, port: int | None) -> int | None:
    return port if port and (is_free(port) or listens(workspace, port)) else None


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections that ended a moment ago do not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port(avoid: set[int]) -> int:
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in avoid:
            return port
