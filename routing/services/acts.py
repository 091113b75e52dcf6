"""Asking nodes to do one thing with many studies or deliveries, in parts, and what came of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orthanc_console.accounts.models import User
from orthanc_console.nodes import services as nodes_services
from orthanc_console.nodes.models import Command, Node
from routing.models import Act

# More would make a command, and the node's answer, too large to be handled at once.
THINGS_PER_COMMAND = 500


@dataclass
class Report:
    """What became of an act, as far as the console itself knows; the nodes' part comes later, see `outcome`."""

    act: Act
    done: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)  # (study or delivery, reason)
    offline: list[str] = field(default_factory=list)  # nodes that will be asked when they are back

    @property
    def message(self) -> str:
        """One to three sentences for people."""
        parts = [_asked_for(self.act.verb, self.done)]
        if self.skipped:
            count = len(self.skipped)
            parts.append(ngettext("%d left as it is.", "%d left as they are.", count) % count)
        if self.offline:
            parts.append(
                _("Offline now, will be asked when back: %(nodes)s.")
                % {"nodes": ", ".join(self.offline)}
            )
        return " ".join(parts)


@dataclass(frozen=True)
class Part:
    """What one node has answered so far.

    `finished` and `commands` count parts of at most 500; `done`, `refused` and `failed` count studies or deliveries.
    """

    node: Node
    commands: int
    finished: int
    asked: int
    done: int
    refused: int
    failed: int

    @property
    def not_done(self) -> int:
        return self.refused + self.failed

    @property
    def open(self) -> int:
        """How many the node has not answered about."""
        return self.asked - self.done - self.not_done


@dataclass(frozen=True)
class Outcome:
    """What became of an act: in numbers, by node, and why something was not done."""

    parts: list[Part]
    # reason -> how many, of the console and of the nodes
    reasons: dict[str, int]

    @property
    def done(self) -> int:
        return sum(part.done for part in self.parts)

    @property
    def open(self) -> int:
        return sum(part.open for part in self.parts)

    @property
    def not_done(self) -> int:
        return sum(self.reasons.values())


@transaction.atomic
def ask(
    actor: User, act: Act, things: dict[Node, list[str]], key: str, data: dict[str, Any]
) -> Act:
    """Save the act, and ask each node about its things in parts.

    Args:
        things: node -> identifiers of its studies or deliveries.
        key: under which name a command carries them.
        data: what every command says besides.
    """
    commands: list[Command] = []
    for node, ids in things.items():
        for chunk in chunks(ids):
            asked = {**data, key: chunk}
            commands.append(nodes_services.ask(node, act.verb, asked, actor))
    act.actor, act.actor_name = actor, actor.get_username()
    act.asked = sum(len(ids) for ids in things.values())
    act.commands = [str(command.pk) for command in commands]
    act.save()
    return act


def chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    """The identifiers in lists that fit into one command."""
    return (ids[n : n + THINGS_PER_COMMAND] for n in range(0, len(ids), THINGS_PER_COMMAND))


def outcome(act: Act) -> Outcome:
    """What the nodes have answered so far."""
    reasons = Counter(act.left)
    by_node: dict[Node, list[Command]] = defaultdict(list)
    for command in Command.objects.filter(pk__in=act.commands).select_related("node"):
        by_node[command.node].append(command)
        reasons.update(refusals(command))
        if command.ok is False:
            reasons[command.detail] += _size(command)
    parts = [_part(node, commands) for node, commands in by_node.items()]
    return Outcome(sorted(parts, key=lambda part: part.node.name), dict(reasons.most_common()))


def _part(node: Node, commands: list[Command]) -> Part:
    return Part(
        node=node,
        commands=len(commands),
        finished=sum(command.finished_at is not None for command in commands),
        asked=sum(_size(command) for command in commands),
        done=sum(len(listed(command, "done")) for command in commands if command.ok),
        refused=sum(len(refusals(command)) for command in commands),
        failed=sum(_size(command) for command in commands if command.ok is False),
    )


def _size(command: Command) -> int:
    return len(command.data.get("studies") or command.data.get("deliveries") or ())


def refusals(command: Command) -> list[str]:
    """Why the node left things as they are: one sentence for each."""
    if not command.ok:
        return []
    entries = [each for each in listed(command, "skipped") if isinstance(each, dict)]
    told = [str(entry.get("reason", "")) for entry in entries]
    untold = _size(command) - len(told) - len(listed(command, "done"))
    return told + [_("The node does not say what became of it.")] * untold


def listed(command: Command, name: str) -> list[Any]:
    """A list in the result of a command; a result is a node's word, so nothing in it is sure."""
    value = command.result.get(name)
    return value if isinstance(value, list) else []


def _asked_for(verb: str, count: int) -> str:
    if verb == "send":
        return ngettext("%d study asked for.", "%d studies asked for.", count) % count
    return ngettext("%d delivery asked for.", "%d deliveries asked for.", count) % count
