"""Who may do what, for every endpoint of the API: alice administers, bob operates, charlie reads, a stranger gets nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from rest_framework.test import APIClient

from orthanc_console.accounts.models import User
from orthanc_console.api import router
from orthanc_console.audit import log
from routing.models import Act, Rule, SiteTag
from routing.services import rules
from tests.factories import make_delivery, make_modality, make_node, make_study
from tests.intercept_factories import make_move, make_target, make_webhook
from tests.purge_things import make_policy, make_run

pytestmark = pytest.mark.django_db

ADMIN, OPERATOR, VIEWER = "admin", "operator", "viewer"
ALLOWED = {ADMIN: {"alice"}, OPERATOR: {"alice", "bob"}, VIEWER: {"alice", "bob", "charlie"}}

# method, path, least role, body
ENDPOINTS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("get", "nodes/", VIEWER, {}),
    ("get", "nodes/{node}/", VIEWER, {}),
    ("post", "nodes/", ADMIN, {"name": "new"}),
    ("patch", "nodes/{node}/", ADMIN, {"name": "renamed"}),
    ("delete", "nodes/{node}/", ADMIN, {}),
    ("post", "nodes/{node}/new-token/", ADMIN, {}),
    ("post", "nodes/{node}/revoke-token/", ADMIN, {}),
    ("get", "destinations/", VIEWER, {}),
    ("get", "destinations/{destination}/", VIEWER, {}),
    (
        *("post", "destinations/", ADMIN),
        {"name": "N", "kind": "modality", "aet": "N", "host": "192.0.2.1", "port": 104},
    ),
    ("patch", "destinations/{destination}/", ADMIN, {"port": 105}),
    ("put", "destinations/{destination}/", ADMIN, {}),
    ("delete", "destinations/{destination}/", ADMIN, {}),
    ("post", "destinations/{destination}/echo/", OPERATOR, {}),
    ("post", "destinations/{destination}/pause/", OPERATOR, {}),
    ("post", "destinations/{destination}/resume/", OPERATOR, {}),
    ("post", "destinations/{destination}/drain/", OPERATOR, {}),
    ("get", "rules/", VIEWER, {}),
    ("get", "rules/{rule}/", VIEWER, {}),
    ("get", "rules/{rule}/revisions/", VIEWER, {}),
    ("post", "rules/parse/", VIEWER, {"text": "true"}),
    ("post", "rules/test/", VIEWER, {"expression": "true", "tags": {}}),
    ("get", "rules/symbols/", VIEWER, {}),
    ("post", "rules/backtest/", VIEWER, {"expression": "true"}),
    ("post", "rules/{rule}/revert/", ADMIN, {"revision": 1}),
    ("post", "rules/{rule}/duplicate/", ADMIN, {}),
    ("get", "rules/export/", ADMIN, {}),
    ("post", "rules/import/", ADMIN, {"text": "[]"}),
    ("get", "site-tags/", VIEWER, {}),
    ("get", "site-tags/{tag}/", VIEWER, {}),
    ("post", "site-tags/", ADMIN, {"name": "x"}),
    ("delete", "site-tags/{tag}/", ADMIN, {}),
    ("post", "rules/", ADMIN, {"name": "n", "expression": "true", "destinations": []}),
    ("patch", "rules/{rule}/", ADMIN, {"enforcement": "disabled"}),
    ("put", "rules/{rule}/", ADMIN, {}),
    ("delete", "rules/{rule}/", ADMIN, {}),
    ("get", "studies/", VIEWER, {}),
    ("get", "studies/{study}/", VIEWER, {}),
    ("get", "studies/{study}/timeline/", VIEWER, {}),
    ("post", "studies/{study}/send/", OPERATOR, {"destination": "{destination}"}),
    ("post", "studies/send/", OPERATOR, {"destination": "{destination}", "studies": []}),
    ("get", "deliveries/", VIEWER, {}),
    ("get", "deliveries/{delivery}/", VIEWER, {}),
    ("post", "deliveries/{delivery}/retry/", OPERATOR, {}),
    ("post", "deliveries/{delivery}/cancel/", OPERATOR, {}),
    ("post", "deliveries/retry/", OPERATOR, {}),
    ("post", "deliveries/cancel/", OPERATOR, {"state": "failed"}),
    ("get", "lanes/", VIEWER, {}),
    ("get", "acts/", VIEWER, {}),
    ("get", "acts/{act}/", VIEWER, {}),
    ("get", "purge-policies/", VIEWER, {}),
    ("get", "purge-policies/{policy}/", VIEWER, {}),
    ("post", "purge-policies/", ADMIN, {"name": "p", "older_than_days": 30}),
    ("patch", "purge-policies/{policy}/", ADMIN, {"enforcement": "disabled"}),
    ("put", "purge-policies/{policy}/", ADMIN, {}),
    ("delete", "purge-policies/{policy}/", ADMIN, {}),
    ("get", "purge-policies/{policy}/preview/", OPERATOR, {}),
    ("post", "purge-policies/{policy}/preview/", OPERATOR, {}),
    ("post", "purge-policies/preview/", OPERATOR, {"name": "p", "older_than_days": 30}),
    ("post", "purge-policies/{policy}/run/", ADMIN, {}),
    ("get", "purge-runs/", VIEWER, {}),
    ("get", "purge-runs/{run}/", VIEWER, {}),
    ("get", "purge-runs/{run}/studies/", VIEWER, {}),
    ("post", "purge-runs/{run}/cancel/", OPERATOR, {}),
    ("post", "purge-runs/{run}/approve/", ADMIN, {}),
    ("post", "purge-runs/{run}/keep/", OPERATOR, {"studies": ["a"]}),
    ("get", "purged-studies/", VIEWER, {}),
    ("get", "purge-settings/", VIEWER, {}),
    ("patch", "purge-settings/", ADMIN, {"history_days": 3}),
    ("get", "retention/", VIEWER, {}),
    ("patch", "retention/", ADMIN, {"events_days": 30}),
    ("get", "webhook-targets/", VIEWER, {}),
    ("get", "webhook-targets/{target}/", VIEWER, {}),
    ("post", "webhook-targets/", ADMIN, {"name": "t", "url": "http://10.0.0.9/"}),
    ("patch", "webhook-targets/{target}/", ADMIN, {"mode": "gate"}),
    ("put", "webhook-targets/{target}/", ADMIN, {}),
    ("delete", "webhook-targets/{target}/", ADMIN, {}),
    ("post", "webhook-targets/parse/", VIEWER, {"text": "true"}),
    ("post", "webhook-targets/{target}/test/", OPERATOR, {}),
    ("post", "webhook-targets/{target}/new-secret/", ADMIN, {}),
    ("get", "move-requests/", VIEWER, {}),
    ("get", "move-requests/{move}/", VIEWER, {}),
    ("get", "move-requests/export/", VIEWER, {}),
    ("get", "webhook-deliveries/", VIEWER, {}),
    ("get", "webhook-deliveries/{webhook}/", VIEWER, {}),
    ("post", "webhook-deliveries/{webhook}/redeliver/", OPERATOR, {}),
    ("post", "webhook-deliveries/redeliver/", OPERATOR, {}),
    ("get", "audit-events/", VIEWER, {}),
    ("get", "audit-events/{event}/", VIEWER, {}),
]


@dataclass
class World:
    """What the paths name."""

    node: str
    destination: str
    rule: str
    study: str
    delivery: str
    event: str
    act: str
    policy: str
    run: str
    tag: str
    target: str
    move: str
    webhook: str


@pytest.fixture
def world(alice: User) -> World:
    node, _secret = make_node()
    pacs, idle = make_modality("PACS"), make_modality("IDLE")
    rule = rules.save(alice, Rule(name="r", expression="true"), destinations=[pacs])
    study = make_study(node)
    delivery = make_delivery(study, pacs, state="failed")
    event = log.record(alice, "rule.changed", rule)
    act = Act.objects.create(verb="retry", actor_name="bob")
    policy = make_policy()
    run = make_run(node, state="held", needs_approval=True)
    tag = SiteTag.objects.create(name="Tag", group="0019", creator="ACME", element="9c")
    target, move = make_target(), make_move(node)
    webhook = make_webhook(node, target, move, state="failed")
    routed = (node, idle, rule, study, delivery, event, act)
    made = (*routed, policy, run, tag, target, move, webhook)
    return World(*(str(each.pk) for each in made))


def call(client: APIClient, world: World, method: str, path: str, body: dict[str, Any]) -> int:
    filled = {
        name: value.format(**vars(world)) if isinstance(value, str) else value
        for name, value in body.items()
    }
    url = "/api/v1/" + path.format(**vars(world))
    code: int = getattr(client, method)(url, filled or None).status_code
    return code


@pytest.mark.parametrize(("method", "path", "role", "body"), ENDPOINTS)
@pytest.mark.parametrize("name", ["alice", "bob", "charlie", "stranger"])
def test_each_role_may_do_what_it_should(
    name: str,
    method: str,
    path: str,
    role: str,
    body: dict[str, Any],
    world: World,
    api_of: Callable[[User], APIClient],
    request: pytest.FixtureRequest,
) -> None:
    client = APIClient() if name == "stranger" else api_of(request.getfixturevalue(name))
    code = call(client, world, method, path, body)
    if name == "stranger":
        assert code == 401
    elif name in ALLOWED[role]:
        assert code not in (401, 403, 404, 405), code
    else:
        assert code == 403


def test_every_endpoint_is_in_the_matrix() -> None:
    covered = {(method, path) for method, path, _role, _body in ENDPOINTS}
    names = {"nodes": "node", "destinations": "destination", "rules": "rule", "studies": "study"}
    names |= {"deliveries": "delivery", "audit-events": "event", "lanes": "lane", "acts": "act"}
    names |= {
        "purge-policies": "policy",
        "purge-runs": "run",
        "purged-studies": "study",
        "site-tags": "tag",
        "webhook-targets": "target",
        "move-requests": "move",
        "webhook-deliveries": "webhook",
    }
    for prefix, viewset, basename in router.registry:
        for route in router.get_routes(viewset):
            for method in router.get_method_map(viewset, route.mapping):
                if method not in viewset.http_method_names:
                    continue
                path = route.url.format(
                    prefix=prefix, lookup="{" + names[prefix] + "}", trailing_slash="/"
                )
                path = path.removeprefix("^").removesuffix("$")
                assert (method, path) in covered, (basename, method, path)


def test_a_deactivated_user_gets_nothing(alice: User, api_of: Callable[[User], APIClient]) -> None:
    client = api_of(alice)
    assert client.get("/api/v1/nodes/").status_code == 200
    alice.is_active = False
    alice.save()
    assert client.get("/api/v1/nodes/").status_code == 401


def test_a_refusal_says_which_role_is_needed(charlie_api: APIClient) -> None:
    answer = charlie_api.post("/api/v1/nodes/", {"name": "x"})
    assert "administrator" in answer.json()["detail"]


def test_a_browser_session_needs_its_csrf_token_to_change_something(alice: User) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/api/v1/nodes/").status_code == 200
    assert client.post("/api/v1/nodes/", {"name": "x"}).status_code == 403
