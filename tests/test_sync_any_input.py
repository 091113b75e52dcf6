"""Whatever a node sends, the console answers in order, and an event never blocks the next."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orthanc_console.agent.models import Event
from routing.models import Study
from tests.agent import Agent
from tests.factories import AT, attempt, event, study_report

pytestmark = pytest.mark.django_db
anything = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.sampled_from(["", "\x00", "\ud800", AT, "20261124", 2**31, 2**63, -1, 10**400]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)
DELIVERY = {
    "id": "6a1e2b0c-7a38-4bb4-9a0a-2a3e7c9b1f11",
    "study": "study-a",
    "destination": 1,
    "destination_name": "PACS",
    "rules": [{"id": 1, "name": "r", "revision": 1}],
    "state": "sending",
    "attempt": attempt(1, "failed"),
}
MODELS = [
    study_report(),
    event("study.deleted", {"study": "study-a"}),
    event("rules.evaluated", {"study": "study-a", "decisions": [{"rule": 1, "result": "match"}]}),
    event("delivery.changed", {"delivery": DELIVERY}),
    event("node.notice", {"code": "c", "message": "m"}),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value that something else can be put at."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(each for key, below in inner for each in places(below, (*path, key)))]


@st.composite
def spoilt(draw: st.DrawFn) -> Any:
    """A right event in which one value is replaced by anything."""
    made = copy.deepcopy(draw(st.sampled_from(MODELS)))
    place = draw(st.sampled_from([each for each in places(made) if each and each != ("id",)]))
    made["id"] = str(draw(st.uuids()))
    holder: Any = made
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = draw(values)
    return made


@anything
@given(st.lists(st.one_of(spoilt(), values), max_size=4))
def test_any_event_is_stored_or_set_aside(events: list[Any]) -> None:
    agent = Agent()
    good = study_report("study-good")
    said = agent.sync(events=[*events, good])
    assert Study.objects.filter(node=agent.node, orthanc_id="study-good").count() == 1
    aside = Event.objects.filter(node=agent.node).exclude(problem="")
    assert len(said["set_aside"]) == aside.count()
    assert agent.sync(events=[*events, good])["set_aside"] == []


@anything
@given(
    st.dictionaries(
        st.sampled_from(["discovered", "lanes", "warnings", "outbox", "orthanc_version", "x"]),
        values,
    )
)
def test_any_status_is_taken(status: dict[str, Any]) -> None:
    agent = Agent()
    assert agent.post(agent.body(status=status)).status_code in (200, 400)


@anything
@given(
    st.dictionaries(
        st.sampled_from(["protocol", "instance", "boot", "sent_at", "wait", "events", "results"]),
        values,
    )
)
def test_any_envelope_is_answered(envelope: dict[str, Any]) -> None:
    agent = Agent()
    envelope["wait"] = envelope.get("wait") if isinstance(envelope.get("wait"), str) else 0
    assert agent.post(agent.body(**envelope)).status_code in (200, 400, 409)
