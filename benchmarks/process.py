"""What a process has used, from Linux's /proc."""

from __future__ import annotations

import os
from pathlib import Path

from testbed.processes import Server

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(server: Server) -> float:
    """Processor time in seconds that the server has used since its start."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    # utime and stime are the fields 14 and 15 of proc(5); the name took two of them away.
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(server: Server) -> float:
    """Resident memory in MB."""
    for line in Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc shows no memory of {server.name}")
