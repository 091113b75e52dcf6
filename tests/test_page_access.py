"""Who may open and do what in the pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from intercept.services import targets
from orthanc_console.accounts.models import User
from orthanc_console.pages import urlpatterns
from routing.models import Act
from tests.factories import make_delivery, make_modality, make_node, make_rule, make_study
from tests.intercept_factories import make_move, make_target, make_webhook

# Anybody who is signed in reads these; everything else needs the role after it.
VIEWER_READS = {
    *("overview", "account", "studies", "study", "deliveries", "delivery"),
    *("lanes", "act"),
    *("moves", "move", "moves-export", "webhook-deliveries", "webhook-delivery"),
    *("webhook-targets", "webhook-target"),
    *("destinations", "destination", "rules", "rule", "nodes", "node", "node-state", "audit"),
}
VIEWER_POSTS = {"search", "tokens", "own-password", "rule-check", "logout", "webhook-target-check"}
OPERATOR = {
    *("deliveries-chosen", "deliveries-all", "study-send", "studies-chosen", "studies-all"),
    *("webhook-deliveries-chosen", "webhook-deliveries-all", "webhook-target-test"),
    *("destination-drain", "destination-pause", "destination-resume", "destination-echo"),
}
# Operators see what they are about to do before they do it.
WITH_A_PAGE = {"deliveries-all", "studies-all", "destination-drain", "webhook-deliveries-all"}
ADMIN_READS = {
    *("destination-create", "destination-edit", "destination-delete", "rule-create", "rule-edit"),
    *("rule-delete", "rule-everything", "node-create", "node-edit", "node-revoke", "node-delete"),
    *("users", "user-create", "user-edit", "retention"),
    *("webhook-target-create", "webhook-target-edit", "webhook-target-secret"),
    "webhook-target-delete",
}
ADMIN_POSTS = {
    "webhook-target-enforcement",
    "rule-move",
    "rule-enforcement",
    "node-token",
    "user-password",
}
ELSEWHERE = {"login", "token-revoke"}


@dataclass
class Things:
    """One of everything, so that every address has something behind it."""

    arguments: dict[str, dict[str, Any]]

    def url(self, name: str) -> str:
        family = name if name in self.arguments else name.split("-")[0]
        for pattern in urlpatterns:
            if isinstance(pattern, URLPattern) and pattern.name == name:
                names = pattern.pattern.converters
                return reverse(name, kwargs={key: self.arguments[family][key] for key in names})
        raise LookupError(name)


@pytest.fixture
def things(alice: User) -> Things:
    node, _secret = make_node(online=True)
    destination = make_modality()
    rule = make_rule(destinations=[destination])
    study = make_study(node)
    delivery = make_delivery(study, destination)
    target, move = make_target(), make_move(node)
    webhook = make_webhook(node, target, move)
    act = Act.objects.create(verb="retry", actor_name="bob")
    return Things(
        {
            "study": {"pk": study.pk},
            "studies": {},
            "lanes": {},
            "act": {"pk": act.pk},
            "delivery": {"pk": delivery.pk},
            "deliveries": {"act": "retry"},
            "destination": {"pk": destination.pk},
            "rule": {"pk": rule.pk},
            "node": {"pk": node.pk},
            "user": {"pk": alice.pk},
            "move": {"pk": move.pk},
            "webhook": {"pk": target.pk},
            "webhook-delivery": {"pk": webhook.pk},
        }
    )


def test_every_page_has_a_line_in_this_matrix() -> None:
    names = {pattern.name for pattern in urlpatterns if isinstance(pattern, URLPattern)}
    known = VIEWER_READS | VIEWER_POSTS | OPERATOR | ADMIN_READS | ADMIN_POSTS | ELSEWHERE
    assert names == known


@pytest.mark.parametrize("name", sorted(VIEWER_READS))
def test_everybody_reads(name: str, things: Things, charlie_client: Client) -> None:
    assert charlie_client.get(things.url(name)).status_code == 200


@pytest.mark.parametrize("name", sorted(VIEWER_READS | ADMIN_READS))
def test_a_stranger_is_sent_to_the_log_in(name: str, things: Things, client: Client) -> None:
    response = client.get(things.url(name))
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/login/?next=")


@pytest.mark.parametrize("name", sorted(OPERATOR | ADMIN_READS | ADMIN_POSTS))
def test_a_viewer_who_posts_is_refused(name: str, things: Things, charlie_client: Client) -> None:
    response = charlie_client.post(things.url(name))
    assert response.status_code == 403
    assert b"This needs the role" in response.content


@pytest.mark.parametrize("name", sorted(ADMIN_READS | ADMIN_POSTS))
def test_an_operator_does_not_configure(name: str, things: Things, bob_client: Client) -> None:
    for response in (bob_client.get(things.url(name)), bob_client.post(things.url(name))):
        assert response.status_code == 403
        assert b"This needs the role administrator." in response.content


@pytest.mark.parametrize("name", sorted(VIEWER_READS | ADMIN_READS))
def test_an_administrator_reads_everything(name: str, things: Things, alice_client: Client) -> None:
    assert alice_client.get(things.url(name)).status_code == 200


@pytest.mark.parametrize("name", sorted(OPERATOR - WITH_A_PAGE - {"destination-echo"}))
def test_an_operator_acts(
    name: str, things: Things, bob_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody answers here.
    monkeypatch.setattr(targets, "TEST_WAITS", 0.0)
    data = {"act": "retry"}
    assert bob_client.post(things.url(name), data).status_code == 302


@pytest.mark.parametrize("name", sorted(WITH_A_PAGE))
def test_an_operator_is_shown_first_what_many_would_mean(
    name: str, things: Things, bob_client: Client
) -> None:
    assert bob_client.get(things.url(name)).status_code == 200


@pytest.mark.parametrize("name", sorted((OPERATOR - WITH_A_PAGE) | ADMIN_POSTS))
def test_what_changes_something_needs_a_post(
    name: str, things: Things, alice_client: Client
) -> None:
    assert alice_client.get(things.url(name)).status_code == 405


@pytest.mark.parametrize(
    "name",
    [
        *("destination", "destinations", "rules", "rule", "node", "nodes", "deliveries"),
        *("study", "studies", "lanes"),
    ],
)
def test_a_viewer_is_shown_no_button_that_would_be_refused(
    name: str, things: Things, charlie_client: Client
) -> None:
    page = charlie_client.get(things.url(name)).content.decode()
    allowed = {reverse("search"), reverse("logout"), reverse("deliveries-chosen")}
    main = page.split('<main id="main"')[1]
    posts = {part.split('"')[0] for part in main.split('action="')[1:]}
    assert posts <= allowed
    for forbidden in ADMIN_READS | WITH_A_PAGE:
        assert f'href="{things.url(forbidden)}' not in main


def test_a_deactivated_user_is_out_at_once(charlie: User, charlie_client: Client) -> None:
    charlie.is_active = False
    charlie.save()
    assert charlie_client.get("/").status_code == 302
