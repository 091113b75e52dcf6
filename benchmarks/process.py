"""What a process has used, from Linux's /proc."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from testbed.processes import Server

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(server: Server) -> float:
    """Processor time in seconds that the server has used since its start."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    # utime and stime are the fields 14 and 15 of proc(5); the name took two of them away.
    return (int(fields[11]) + int(fields[12])) / TICKS


def cpu_seconds_of_tree(server: Server) -> float:
    """Processor time in seconds of the server, of its children, and of those that have ended."""
    usage = dict(_usage())
    children: dict[int, list[int]] = {}
    for pid, (parent, _seconds) in usage.items():
        children.setdefault(parent, []).append(pid)
    total, left = 0.0, [server.pid]
    while left:
        pid = left.pop()
        total += usage[pid][1]
        left += children.get(pid, [])
    return total


def _usage() -> Iterator[tuple[int, tuple[int, float]]]:
    """For each process its parent and its time, with that of children for which it waited: fields 14 to 17."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            yield int(folder.name), (int(fields[1]), sum(map(int, fields[11:15])) / TICKS)


def memory(server: Server) -> float:
    """Resident memory in MB."""
    for line in Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc shows no memory of {server.name}")
