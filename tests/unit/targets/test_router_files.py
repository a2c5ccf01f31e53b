from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlops_spec.runtime.router.access_log import AccessRecord, access_log, arm_requests
from mlops_spec.runtime.router.configuration import configuration, united
from mlops_spec.runtime.router.listener import CLUSTERS, ROUTES
from mlops_spec.state import Deployment
from mlops_spec.terms.workspace import Workspace

OLD = Deployment("churn", "aaaa", "r", "1", "production", 0.95, False, 5001)
NEW = Deployment("churn", "bbbb", "r", "2", "candidate", 0.05, False, 5002)
SHADOW = Deployment("churn", "bbbb", "r", "2", "candidate", 0.0, True, 5002)
IDLE = Deployment("idle", "cccc", "r", "1", "candidate", 0.0, False, 5003)


def routes(*deployments: Deployment) -> list[dict[str, Any]]:
    found = json.loads(configuration(deployments)[ROUTES])["resources"][0]
    return list(found["virtual_hosts"][0]["routes"])


def clusters(text: str) -> list[str]:
    return [cluster["name"] for cluster in json.loads(text)["resources"]]


def test_weights_are_shares_of_ten_thousand() -> None:
    weighted = routes(OLD, NEW)[0]["route"]["weighted_clusters"]["clusters"]
    assert [(arm["name"], arm["weight"]) for arm in weighted] == [
        ("churn--aaaa", 9500), ("churn--bbbb", 500),
    ]  # fmt: skip


def test_a_shadow_is_mirrored_to_and_gets_no_share() -> None:
    route = routes(OLD, SHADOW)[0]["route"]
    assert [arm["name"] for arm in route["weighted_clusters"]["clusters"]] == ["churn--aaaa"]
    assert [mirror["cluster"] for mirror in route["request_mirror_policies"]] == ["churn--bbbb"]


def test_a_model_without_a_live_release_says_so() -> None:
    assert routes(IDLE)[0]["direct_response"] == {
        "status": 503,
        "body": {"inline_string": '{"detail": "no release of idle is live"}'},
    }


def test_a_path_without_its_last_slash_leads_to_the_model_and_others_are_told_the_models() -> None:
    *_, churn, idle, rest = routes(OLD, NEW, IDLE)
    assert [each["match"] for each in (churn, idle)] == [{"path": "/churn"}, {"path": "/idle"}]
    assert churn["redirect"]["path_redirect"] == "/churn/"
    assert rest["direct_response"]["body"]["inline_string"] == (
        '{"detail": "no model is served under this path; models are at /churn/, /idle/"}'
    )


GRPC = {"churn--aaaa": 6001, "churn--bbbb": 6002}


def calls(*deployments: Deployment, grpc: dict[str, int] = GRPC) -> list[dict[str, Any]]:
    files = configuration(deployments, grpc)
    found = json.loads(files[ROUTES])["resources"][0]["virtual_hosts"][0]["routes"]
    return [each for each in found if "grpc" in each["match"]]


def test_calls_of_grpc_have_the_shares_and_copies_of_their_model() -> None:
    (route,) = calls(OLD, NEW)
    assert route["match"] == {
        "prefix": "/inference.GRPCInferenceService/",
        "grpc": {},
        "headers": [{"name": "x-mlops-model", "string_match": {"exact": "churn"}}],
    }
    arms = route["route"]["weighted_clusters"]["clusters"]
    assert [(arm["name"], arm["weight"]) for arm in arms] == [
        ("churn--aaaa.grpc", 9500), ("churn--bbbb.grpc", 500),
    ]  # fmt: skip
    (copied,) = calls(OLD, SHADOW)
    (mirror,) = copied["route"]["request_mirror_policies"]
    assert mirror["cluster"] == "churn--bbbb.grpc"


def test_calls_are_not_routed_while_a_release_with_a_share_answers_none() -> None:
    """A candidate with 5% of the requests would get all of the calls."""
    assert calls(OLD, NEW, grpc={"churn--bbbb": 6002}) == []
    assert len(calls(OLD, SHADOW, grpc={"churn--aaaa": 6001})) == 1
    assert calls(IDLE, grpc={"idle--cccc": 6003}) == []


def test_what_answers_grpc_is_spoken_to_in_http2() -> None:
    found = json.loads(configuration([OLD], GRPC)[CLUSTERS])["resources"]
    (name,) = found[0]["typed_extension_protocol_options"]
    spoken = [
        (
            cluster["name"],
            *cluster["typed_extension_protocol_options"][name]["explicit_http_config"],
        )
        for cluster in found
    ]
    assert spoken == [
        ("churn--aaaa", "http_protocol_options"), ("churn--aaaa.grpc", "http2_protocol_options"),
    ]  # fmt: skip


def test_equal_deployments_give_equal_bytes_in_any_order() -> None:
    assert configuration([OLD, NEW, IDLE]) == configuration([IDLE, NEW, OLD])


def test_a_release_without_a_port_has_no_cluster() -> None:
    gone = Deployment("churn", "dddd", "r", "3", "quarantined")
    assert clusters(configuration([OLD, gone])[CLUSTERS]) == ["churn--aaaa"]


def test_between_two_sets_of_arms_the_clusters_of_both_exist() -> None:
    before, after = configuration([OLD])[CLUSTERS], configuration([NEW])[CLUSTERS]
    assert clusters(united(after, before)) == ["churn--bbbb", "churn--aaaa"]
    assert united(after, after) == after


def test_production_is_waited_for_a_candidate_hardly_and_copies_never() -> None:
    def times(*deployments: Deployment) -> list[int]:
        found = json.loads(configuration(deployments)[CLUSTERS])["resources"]
        (name,) = found[0]["typed_extension_protocol_options"]
        options = [cluster["typed_extension_protocol_options"][name] for cluster in found]
        return [each["retry_policy"]["num_retries"] for each in options]

    assert times(OLD, NEW) == [60, 2]
    assert times(OLD, SHADOW) == [60, 0]


def test_what_was_asked_twice_failed_once() -> None:
    failed = {
        (code, attempts): AccessRecord("aaaa", code, 0.1, "x", 1.0, attempts).failed
        for code in (0, 200, 422, 503) for attempts in (1, 2)
    }  # fmt: skip
    assert [known for known, found in failed.items() if not found] == [(200, 1), (422, 1)]


def test_the_log_is_read_from_where_the_last_reading_ended(tmp_path: Path) -> None:
    workspace = Workspace.of(tmp_path, "local")
    assert arm_requests(workspace, "churn") == ((), 0)
    path = access_log(workspace)
    path.parent.mkdir(parents=True)
    whole = (
        '{"at":"10.5","cluster":"churn--aaaa","code":200,"us":1500,"request_id":"x","attempts":2}\n'
    )
    other = '{"at":"11","cluster":"churn-2--bbbb","code":200,"us":1}\n{"cluster":null}\nrubbish\n'
    partly = '{"at":"12","cluster":"churn--aaaa","co'
    path.write_text(whole + other + partly)
    first = AccessRecord("aaaa", 200, 0.0015, "x", 10.5, 2)
    records, end = arm_requests(workspace, "churn")
    assert (records, end) == ((first,), len(whole + other))
    path.write_text(whole + other + partly + 'de":0,"us":null,"request_id":"y"}\n')
    records, end = arm_requests(workspace, "churn", end)
    assert records == (AccessRecord("aaaa", 0, float("inf"), "y", 12.0),)
    path.write_text(whole)  # rotated: shorter than where the reader was
    assert arm_requests(workspace, "churn", end) == ((first,), len(whole))
