"""Routing as a capability of the plugin: configuration, decisions, commands."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from orthanc_console.plugin import clock
from orthanc_console.plugin.log import logger
from orthanc_console.plugin.orthanc_client import (
    NotFound,
    OrthancClient,
    OrthancDown,
    OrthancError,
)
from orthanc_console.plugin.state import State
from orthanc_console.plugin.warnings import Warnings
from routing.conditions import ConditionError, compile_condition
from routing.plugin import private_tags
from routing.plugin import status as lane_status
from routing.plugin.claims import Claims
from routing.plugin.deliveries import PRIORITY, Delivery, pack
from routing.plugin.inventory import Inventory
from routing.plugin.matcher import Destination, Plan, Planned, Rule, plan
from routing.plugin.sender import Sender
from routing.plugin.store import DeliveryStore
from routing.plugin.studies import StudyContent, read_study
from routing.plugin.transports import reachable
from routing.plugin.verify import Verifier

# Seconds after which a study that Orthanc could not read is tried again.
READ_AGAIN = 60.0
# Seconds in which a destination that was just made is written into Orthanc.
TOLD_WITHIN = 3.0


@dataclass(frozen=True)
class Orders:
    """What the console wants, as one whole: a study is decided by the same orders from its tags to its deliveries."""

    destinations: Mapping[int, Destination] = field(default_factory=dict)
    rules: Sequence[Rule] = ()
    tags: Sequence[str] = ()
    node: str = ""


class Router:
    """Decides for each stable study what goes where, in one transaction with the position in the change log."""

    def __init__(
        self,
        state: State,
        store: DeliveryStore,
        orthanc: OrthancClient,
        sender: Sender,
        verifier: Verifier,
        inventory: Inventory,
        warnings: Warnings,
    ) -> None:
        self._state = state
        self._store = store
        self._orthanc = orthanc
        self._sender = sender
        self._verifier = verifier
        self._inventory = inventory
        self._warnings = warnings
        self._orders = Orders()
        # Where other Orthancs use the same index, each study is claimed before it is decided about.
        self.claims: Claims | None = None
        self.configured = False
        self.commands: dict[str, Callable[[str, dict[str, Any]], None]] = {
            "echo": self._echo,
            "retry": lambda ident, data: self._each(ident, data, self._sender.retry),
            "cancel": lambda ident, data: self._each(ident, data, self._sender.cancel),
            "send": self._send,
        }

    def configure(self, config: dict[str, Any]) -> None:
        """Obey a configuration of docs/protocol.md. A rule that this plugin cannot read is left out and warned of."""
        destinations = [_destination(entry) for entry in config["destinations"]]
        rules, unreadable = [], []
        for entry in config["rules"]:
            try:
                rules.append(_rule(entry))
            except ConditionError as error:
                logger.error("rule %s cannot be read: %s", entry["id"], error)
                unreadable.append(str(entry["name"]))
        if unreadable:
            self._warnings.set(
                "rules_unreadable",
                f"This plugin cannot read {len(unreadable)} rules and does not follow them: {', '.join(unreadable)}. "
                "Bring plugin and console to the same version.",
            )
        else:
            self._warnings.clear("rules_unreadable")
        # A console of an older version does not tell them.
        private_tags.configure(config.get("private_tags", []))
        by_id = {d.id: d for d in destinations}
        self._orders = Orders(by_id, rules, config["tags"], config["node"]["name"])
        if self.claims is not None:
            self.claims.agreement.obey(rules, by_id)
        self._sender.configure(by_id)
        self._verifier.configure(by_id)
        self._inventory.configure(destinations)
        self.configured = True

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = {"lanes": lane_status.lanes(self._sender, self._store)}
        if self._inventory.discovered is not None:
            status["discovered"] = self._inventory.discovered
        return status

    def read(self, study: str) -> StudyContent:
        """A study as the rules see it now. Raises as `read_study` does."""
        return read_study(self._orthanc, study, self._orders.tags, self._orders.node)

    def decide(self, study: str, seq: int, keep: Callable[[sqlite3.Connection], None]) -> None:
        """Decide for a study that is stable; see `ChangeReader`.

        Raises:
            OrthancDown: nothing was decided, and the position did not move.
        """
        orders = self._orders
        try:
            if self.claims is not None and not self.claims.take(study, seq):
                self._forget(study, keep)
                return
            content = read_study(self._orthanc, study, orders.tags, orders.node)
            fingerprint = hashlib.sha256(pack(content.instances)).digest()
            known = self._state.read("SELECT fingerprint FROM study WHERE id = ?", (study,))
            unchanged = bool(known) and known[0]["fingerprint"] == fingerprint
            decided = None if unchanged else self._plan(content, orders)
        except NotFound:
            self._forget(study, keep)
            return
        except (OrthancDown, sqlite3.Error):
            raise
        except Exception as error:
            self._put_off(study, error, keep)
            return
        with self._state.transaction() as db:
            keep(db)
            db.execute("DELETE FROM unsettled WHERE study = ?", (study,))
            if decided is not None:
                row = (study, fingerprint, clock.now())
                db.execute("INSERT OR REPLACE INTO study VALUES (?, ?, ?)", row)
                self._record(db, content, decided, orders, seq)
            if self.claims is not None:
                self.claims.decided(db, study)
        self._verifier.wake.set()
        self._sender.review()

    def _plan(self, content: StudyContent, orders: Orders) -> Plan:
        covered = self._store.covered(content.orthanc_id)
        return plan(content, orders.rules, orders.destinations, covered, datetime.now())

    def _record(
        self,
        db: sqlite3.Connection,
        content: StudyContent,
        decided: Plan,
        orders: Orders,
        seq: int,
    ) -> None:
        self._state.add_event(db, "study.stable", {"study": content.as_report()})
        if decided.decisions:
            evaluated = {"study": content.orthanc_id, "decisions": decided.decisions}
            self._state.add_event(db, "rules.evaluated", evaluated)
        for planned in decided.deliveries:
            destination = orders.destinations[planned.destination]
            self._store.add(db, self._delivery(content.orthanc_id, destination, planned, seq))

    @staticmethod
    def _delivery(study: str, destination: Destination, planned: Planned, seq: int) -> Delivery:
        now = clock.now()
        return Delivery(
            study=study,
            destination=destination.id,
            destination_name=destination.name,
            instances=pack(planned.instances),
            rules=[rule.as_reference() for rule in planned.rules],
            state="skipped" if planned.skip_reason else "waiting",
            reason=planned.skip_reason,
            ask_first=planned.ask_first,
            created_at=now,
            turn_at=now + planned.head_start,
            seen_seq=seq,
        )

    def _forget(self, study: str, keep: Callable[[sqlite3.Connection], None]) -> None:
        with self._state.transaction() as db:
            keep(db)
            db.execute("DELETE FROM unsettled WHERE study = ?", (study,))

    def _put_off(
        self, study: str, error: Exception, keep: Callable[[sqlite3.Connection], None]
    ) -> None:
        """One study that cannot be read must not stop the others; it is tried again for as long as it is there."""
        message = f"The study {study} cannot be decided and is tried again every minute: {type(error).__name__}: {error}"
        logger.error("%s", message, exc_info=not isinstance(error, OrthancError))
        with self._state.transaction() as db:
            keep(db)
            if not db.execute("SELECT 1 FROM unsettled WHERE study = ?", (study,)).fetchone():
                notice = {"code": "study_undecided", "message": message}
                self._state.add_event(db, "node.notice", notice)
            again = clock.now() + READ_AGAIN
            db.execute("INSERT OR REPLACE INTO unsettled VALUES (?, ?)", (study, again))

    def _echo(self, ident: str, data: dict[str, Any]) -> None:
        destination = self._orders.destinations.get(int(data["destination"]))
        if destination is None:
            self._answer(ident, False, "The node does not know this destination yet.", {})
            return
        problem = self._problem(destination)
        started = time.monotonic()
        error = problem or reachable(self._orthanc, destination.kind, destination.name)
        milliseconds = round((time.monotonic() - started) * 1000)
        self._answer(ident, not error, error or "It answered.", {"milliseconds": milliseconds})

    def _problem(self, destination: Destination) -> str:
        """Why Orthanc refuses the destination itself; waits a moment for one that was just made to be written into it."""
        deadline = time.monotonic() + TOLD_WITHIN
        while True:
            lane = self._sender.lanes.get(destination.id)
            if lane is not None and (lane.ready or lane.problem):
                return lane.problem
            if time.monotonic() > deadline:
                return "The plugin has not written this destination into Orthanc yet."
            time.sleep(0.02)

    def _each(self, ident: str, data: dict[str, Any], act: Callable[[str], str]) -> None:
        refused = {str(delivery): act(str(delivery)) for delivery in data["deliveries"]}
        done = [delivery for delivery, why in refused.items() if not why]
        skipped = [{"id": delivery, "reason": why} for delivery, why in refused.items() if why]
        detail = f"{len(done)} done, {len(skipped)} left as they are."
        self._answer(ident, True, detail, {"done": done, "skipped": skipped})

    def _send(self, ident: str, data: dict[str, Any]) -> None:
        destination = self._orders.destinations.get(int(data["destination"]))
        if destination is None:
            self._answer(ident, False, "The node does not know this destination.", {})
            return
        deliveries, skipped = [], []
        for study in map(str, data["studies"]):
            try:
                deliveries.append(self._by_hand(study, destination, data["priority"]))
            except NotFound:
                gone = "The study is not in this Orthanc any more."
                skipped.append({"id": study, "reason": gone})
        done = [delivery.id for delivery in deliveries]
        detail = f"{len(done)} queued, {len(skipped)} left out."
        with self._state.transaction() as db:
            for delivery in deliveries:
                self._store.add(db, delivery)
            result = {"done": done, "skipped": skipped}
            self._state.finish_command(db, ident, True, detail, result)
        self._sender.review()

    def _by_hand(self, study: str, destination: Destination, priority: str) -> Delivery:
        children = self._orthanc.get(f"/studies/{study}/series?expand")
        now = clock.now()
        return Delivery(
            study=study,
            destination=destination.id,
            destination_name=destination.name,
            instances=pack(instance for child in children for instance in child["Instances"]),
            cause="manual",
            created_at=now,
            turn_at=now + PRIORITY[priority],
            seen_seq=int(self._state.get("position", 0)),
        )

    def _answer(self, ident: str, ok: bool, detail: str, data: dict[str, Any]) -> None:
        with self._state.transaction() as db:
            self._state.finish_command(db, ident, ok, detail, data)


def _destination(entry: dict[str, Any]) -> Destination:
    # A newer console may say more of a destination than this plugin knows.
    return Destination(**{f.name: entry[f.name] for f in fields(Destination) if f.name in entry})


def _rule(entry: dict[str, Any]) -> Rule:
    return Rule(
        id=entry["id"],
        name=entry["name"],
        revision=entry["revision"],
        enforcement=entry["enforcement"],
        level=entry["level"],
        condition=compile_condition(entry["condition"]),
        destinations=tuple(entry["destinations"]),
        late_arrivals=entry["late_arrivals"],
        stop_on_match=entry["stop_on_match"],
        priority=entry.get("priority", "normal"),
    )
