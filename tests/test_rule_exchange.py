"""Rules and destinations as a file: written and read again, previewed, and brought in whole or not at all."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from orthanc_console.accounts.models import User
from orthanc_console.audit.models import AuditEvent
from routing import exchange
from routing.exchange.reading import modernised
from routing.models import Destination, Rule
from routing.services import rules as services
from tests.factories import make_found, make_modality, make_node, make_rule

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(alice: User) -> None:
    node, _secret = make_node("main")
    pacs = make_modality("PACS", nodes=[node], max_in_flight=4)
    Destination.objects.create(
        name="PEER",
        kind="peer",
        url="https://192.0.2.8:8042/",
        username="me",
        password="secret",
        max_in_flight=5,
    )
    found = make_found(node, "FOUND")
    first = Rule(name="CT", expression='"CT" in ModalitiesInStudy', stop_on_match=True)
    services.save(alice, first, destinations=[pacs, found], nodes=[node])
    second = Rule(name="rest", expression="true", enforcement="dry_run", level="series")
    services.save(alice, second, destinations=[found])


def bring(alice: User, text: str, *, delete: bool = False) -> exchange.Report:
    return exchange.bring_in(alice, exchange.read(text), delete=delete)


def names() -> list[str]:
    return list(Rule.objects.values_list("name", flat=True))


@pytest.mark.usefixtures("site")
def test_what_was_written_changes_nothing_when_it_is_read_again(alice: User) -> None:
    revisions = list(Rule.objects.values_list("revision", flat=True))
    report = bring(alice, exchange.write())
    assert report.nothing and report.unchanged == 5
    assert list(Rule.objects.values_list("revision", flat=True)) == revisions


@pytest.mark.usefixtures("site")
def test_no_password_is_written_and_none_is_lost(alice: User) -> None:
    text = exchange.write()
    assert "secret" not in text
    bring(alice, text.replace("max_in_flight: 5", "max_in_flight: 3"))
    peer = Destination.objects.get(name="PEER")
    assert (peer.password, peer.max_in_flight) == ("secret", 3)


@pytest.mark.usefixtures("site")
def test_an_empty_console_becomes_the_same(alice: User) -> None:
    text = exchange.write()
    Rule.objects.all().delete()
    Destination.objects.filter(name="PACS").delete()
    bring(alice, text)
    assert yaml.safe_load(exchange.write()) == yaml.safe_load(text)


@pytest.mark.usefixtures("site")
def test_a_preview_tells_the_differences_and_changes_nothing(alice: User) -> None:
    text = exchange.write().replace('"CT" in', '"MR" in')
    events = AuditEvent.objects.count()
    report = exchange.preview(alice, exchange.read(text))
    (change,) = report.changes
    assert (change.what, change.done, change.name) == ("rule", "changed", "CT")
    assert change.differences == {
        "expression": ['"CT" in ModalitiesInStudy', '"MR" in ModalitiesInStudy']
    }
    assert Rule.objects.get(name="CT").revision == 1
    assert AuditEvent.objects.count() == events


@pytest.mark.usefixtures("site")
def test_the_order_follows_the_file_and_others_come_behind(alice: User) -> None:
    document = yaml.safe_load(exchange.write())
    document["rules"].reverse()
    document["rules"].append({"name": "new", "condition": "true", "destinations": ["PACS"]})
    make_rule("not in the file")
    report = bring(alice, yaml.safe_dump(document))
    assert report.order
    assert names() == ["rest", "CT", "new", "not in the file"]


@pytest.mark.usefixtures("site")
def test_what_the_file_does_not_have_is_deleted_only_on_request(alice: User) -> None:
    text = exchange.write()
    extra = make_modality("EXTRA")
    make_rule("extra", destinations=[extra])
    assert bring(alice, text).nothing
    report = bring(alice, text, delete=True)
    assert [(c.what, c.done) for c in report.changes] == [
        ("rule", "deleted"),
        ("destination", "deleted"),
    ]
    assert names() == ["CT", "rest"]
    assert not Destination.objects.filter(name="EXTRA").exists()


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"condition": "Modalty == 1"}, "did you mean Modality"),
        ({"destinations": ["NOWHERE"]}, "There is no destination “NOWHERE”"),
        ({"enforcement": "perhaps"}, "enforcement"),
        ({"expresion": "true"}, "There is no such field"),
        ({"nodes": ["other"]}, "There is no node “other”"),
        ({"destinations": "PACS"}, "list of names"),
        ({"stop_on_match": [1]}, "stop_on_match"),
    ],
)
def test_a_wrong_entry_is_named_and_nothing_is_brought_in(
    alice: User, change: dict[str, object], said: str
) -> None:
    document = yaml.safe_load(exchange.write())
    document["rules"][0]["condition"] = "true"
    document["rules"][1] |= change
    with pytest.raises(exchange.ImportProblem) as caught:
        bring(alice, yaml.safe_dump(document))
    assert "“rest”" in str(caught.value) and said in str(caught.value)
    assert Rule.objects.get(name="CT").revision == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just a text",
        "format: other/1",
        "format: orthanc-console/1\nrules: 5",
        "format: orthanc-console/1\nrules: [5]",
        "format: orthanc-console/1\nrulez: []",
        "format: orthanc-console/1\nrules: &a [*a]",
        "a: !!python/object/apply:os.system [ls]",
        "format: orthanc-console/1\nformat: orthanc-console/1",
        "[" * 5000,
        "\t: :",
        '[{"rule": 5, "destinations": []}]',
        '[{"rule": "true"}]',
        "[1]",
        "{" * 300,
        "? [a]\n: b",
    ],
)
def test_a_file_that_is_none_is_refused_in_words(text: str) -> None:
    with pytest.raises(exchange.ImportProblem):
        exchange.read(text)


def test_names_that_two_nodes_use_are_told_apart(alice: User) -> None:
    one, two = make_node("one")[0], make_node("two")[0]
    first, second = make_found(one, "PACS"), make_found(two, "PACS")
    services.save(alice, Rule(name="both", expression="true"), destinations=[first, second])
    text = exchange.write()
    assert "modality:PACS@one" in text and "modality:PACS@two" in text
    assert bring(alice, text).nothing
    with pytest.raises(exchange.ImportProblem, match="can be any of"):
        bring(alice, text.replace("modality:PACS@one", "PACS"))


def test_rules_of_the_router_script_come_in_as_dry_runs_behind_the_others(alice: User) -> None:
    make_rule("mine")
    make_modality("A")
    make_modality("B")
    script = [
        {"rule": '"CT" in ModalitiesInStudy', "destinations": ["A", "B"]},
        {"rule": "StudyDate > 20200101 and SeriesNumber == '3'", "destinations": ["B"]},
    ]
    report = bring(alice, json.dumps(script))
    assert names() == ["mine", "Router rule 1", "Router rule 2"]
    second = Rule.objects.get(name="Router rule 2")
    assert second.expression == 'StudyDate > d"2020-01-01" and SeriesNumber == 3'
    assert second.enforcement == "dry_run"
    assert len(report.notes) == 2
    assert list(
        Rule.objects.get(name="Router rule 1").destinations.values_list("name", flat=True)
    ) == ["A", "B"]


def test_only_literals_of_the_router_script_are_rewritten() -> None:
    text, changes = modernised("StudyDat > 20200101")
    assert (text, changes) == ("StudyDat > 20200101", [])


@pytest.mark.usefixtures("site")
def test_the_commands_write_preview_and_apply(alice: User, bob: User, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    call_command("export_rules", str(path))
    path.write_text(path.read_text().replace('"CT" in', '"MR" in'))
    out = StringIO()
    call_command("import_rules", str(path), user="alice", stdout=out)
    assert "changed rule: CT" in out.getvalue() and "preview" in out.getvalue()
    assert Rule.objects.get(name="CT").revision == 1
    call_command("import_rules", str(path), user="alice", apply=True, stdout=out)
    assert Rule.objects.get(name="CT").revision == 2
    with pytest.raises(CommandError, match="no administrator"):
        call_command("import_rules", str(path), user="bob", stdout=out)


@pytest.mark.usefixtures("site")
def test_pages_preview_and_import(alice_client: Client) -> None:
    download = alice_client.get("/rules/export/")
    text = download.content.decode().replace('"CT" in', '"MR" in')
    assert "attachment" in download.headers["Content-Disposition"]
    page = alice_client.post("/rules/exchange/", {"text": text}).content.decode()
    assert "&quot;MR&quot; in ModalitiesInStudy" in page and "Import it" in page
    assert Rule.objects.get(name="CT").revision == 1
    alice_client.post("/rules/exchange/", {"text": text, "apply": "1"})
    assert Rule.objects.get(name="CT").revision == 2
    page = alice_client.post("/rules/exchange/", {"text": "nonsense"}).content.decode()
    assert "Nothing was imported" in page


@pytest.mark.usefixtures("site")
def test_only_administrators_import_by_page(bob_client: Client) -> None:
    assert bob_client.get("/rules/export/").status_code == 403
    assert bob_client.post("/rules/exchange/", {"text": ""}).status_code == 403


@pytest.mark.usefixtures("site")
def test_the_api_exports_previews_and_imports(alice_api: APIClient, bob_api: APIClient) -> None:
    text = alice_api.get("/api/v1/rules/export/").json()["text"].replace('"CT" in', '"MR" in')
    said = alice_api.post("/api/v1/rules/import/", {"text": text}).json()
    assert said["applied"] is False
    assert [change["name"] for change in said["changes"]] == ["CT"]
    said = alice_api.post("/api/v1/rules/import/", {"text": text, "apply": True}).json()
    assert said["applied"] is True
    assert Rule.objects.get(name="CT").revision == 2
    wrong = alice_api.post("/api/v1/rules/import/", {"text": "nonsense"})
    assert wrong.status_code == 400 and wrong.json()["text"]
    assert bob_api.post("/api/v1/rules/import/", {"text": text}).status_code == 403
