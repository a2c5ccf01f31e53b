from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from mlops_spec.runtime.machine.ports import forget_port, port_for, remembered
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.of(tmp_path, "local")


def listener(port: int = 0) -> socket.socket:
    found = socket.socket()
    found.bind(("127.0.0.1", port))
    found.listen()
    return found


def test_a_port_is_chosen_once_and_remembered_until_forgotten(workspace: Workspace) -> None:
    router, other = port_for(workspace, "router"), port_for(workspace, "other")
    assert router != other
    assert port_for(workspace, "router") == router
    assert remembered(workspace) == {"router": router, "other": other}
    forget_port(workspace, "other")
    assert remembered(workspace) == {"router": router}


def test_a_strangers_port_is_exchanged_when_it_was_only_remembered(workspace: Workspace) -> None:
    before = port_for(workspace, "router")
    with listener(before):
        assert port_for(workspace, "router") != before


def test_a_pinned_port_that_is_taken_is_refused_with_the_one_who_holds_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listener() as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("MLOPS_SPEC_PORT_ROUTER_ADMIN", str(port))
        with pytest.raises(Refusal) as refused:
            port_for(workspace, "router-admin")
    assert refused.value.code == "MLS603"
    assert refused.value.message.startswith(f"port {port} for 'router-admin' is taken by ")
    assert f"(process {os.getpid()})" in refused.value.message
    assert port_for(workspace, "router-admin") == port


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "8 0"])
def test_a_pin_that_is_no_port_is_refused(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("MLOPS_SPEC_PORT_ROUTER", text)
    with pytest.raises(Refusal, match="a port is a whole number from 1 to 65535"):
        port_for(workspace, "router")


def test_a_broken_file_of_ports_is_forgotten(workspace: Workspace) -> None:
    workspace.root.mkdir(parents=True)
    workspace.ports.write_text('{"router": 80')
    assert remembered(workspace) == {}
    assert remembered(workspace) != {"router": port_for(workspace, "router")}
