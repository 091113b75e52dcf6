from __future__ import annotations

from typing import Any

import pytest

from orthanc_console.plugin.host import Host
from orthanc_console.plugin.warnings import Warnings


def host(configuration: dict[str, Any]) -> tuple[Host, list[str]]:
    warnings = Warnings()
    made = Host(configuration, None, tcp_no_delay=True, warnings=warnings)
    return made, [warning["code"] for warning in warnings.as_list()]


def test_orthancs_defaults_need_no_warning() -> None:
    made, codes = host({})
    assert codes == []
    assert (made.stable_age, made.workers) == (60.0, 2)


@pytest.mark.parametrize(
    ("configuration", "code"),
    [
        ({"ConcurrentJobs": 1}, "concurrent_jobs"),
        ({"JobsHistorySize": 0}, "jobs_history_size"),
        ({"ConcurrentJobs": 8}, "jobs_history_size"),
        ({"SaveJobs": False}, "save_jobs"),
        ({"StableAge": 3600}, "stable_age"),
        ({"PostgreSQL": {"EnableIndex": True, "Lock": False}}, "shared_index"),
    ],
)
def test_a_setting_that_makes_forwarding_slower_or_less_sure_is_warned_of(
    configuration: dict[str, Any], code: str
) -> None:
    assert host(configuration)[1] == [code]


@pytest.mark.parametrize(
    ("section", "shared"),
    [
        ({"EnableIndex": True, "Lock": False}, True),
        ({"EnableIndex": True, "Lock": True}, False),
        ({"EnableIndex": True}, False),
        ({"EnableIndex": False, "Lock": False}, False),
        ("", False),
    ],
)
def test_other_orthancs_may_share_an_index_that_is_not_locked(section: Any, shared: bool) -> None:
    made, codes = host({"PostgreSQL": section, "CheckRevisions": True})
    assert made.shares_index is shared
    assert codes == []
