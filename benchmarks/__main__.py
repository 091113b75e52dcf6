"""`python -m benchmarks [name ...]`: measure, print, and write the tables into RESULTS.md."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import requests

from benchmarks import report
from benchmarks.bench import Bench
from benchmarks.cases import CASES
from benchmarks.rows import Row, plain
from testbed.console import ConsoleServer
from testbed.processes import ServerError
from testbed.versions import OrthancVersion, VersionUnavailableError, ensure, version_names

RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> int:
    options = _options()
    if options.list:
        for name, case in CASES.items():
            print(f"{name:14}{sys.modules[case.__module__].__doc__}")
        return 0
    # Both ways of asking to stop end the servers of the case.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    names = options.name or list(CASES)
    with tempfile.TemporaryDirectory(prefix="orthanc-console-bench-") as folder:
        prepared = Path(folder) / "prepared"
        ConsoleServer(prepared / "console").prepare()
        for name in names:
            conditions = _conditions(options)
            rows = _run(name, Path(folder) / name, prepared, options)
            about = str(sys.modules[CASES[name].__module__].__doc__)
            report.write(options.output, name, about, conditions, rows)
    print(f"\nWritten to {options.output}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[[], *CASES], help="cases; all by default")
    parser.add_argument("--list", action="store_true", help="only show the cases")
    parser.add_argument("--full", action="store_true", help="sizes as required, for hours")
    parser.add_argument(
        "--versions",
        type=_versions,
        default="host",
        help="of Orthanc, with commas, or `all`; cases for which it does not matter use the first",
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="the file with the tables")
    return parser.parse_args()


def _versions(text: str) -> list[OrthancVersion]:
    try:
        return [ensure(n) for n in (version_names() if text == "all" else text.split(","))]
    except VersionUnavailableError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _run(name: str, folder: Path, prepared: Path, options: argparse.Namespace) -> list[Row]:
    folder.mkdir()
    print(f"\n{name}", flush=True)
    rows = []
    begun = time.monotonic()
    with ExitStack() as stack:
        bench = Bench(folder, prepared, options.full, options.versions, stack)
        try:
            for row in CASES[name](bench):
                print(plain(row), flush=True)
                rows.append(row)
        except (TimeoutError, ServerError, RuntimeError, requests.RequestException) as error:
            rows.append(Row("the case ended early", str(error).partition("\n")[0], "", "", False))
            print(plain(rows[-1]), flush=True)
    print(f"  ({time.monotonic() - begun:.0f} s)", flush=True)
    return rows


def _conditions(options: argparse.Namespace) -> str:
    versions = ", ".join(version.full_number() for version in options.versions)
    return (
        f"Orthanc {versions}; Python {platform.python_version()}; {os.cpu_count()} processors, load before "
        f"{os.getloadavg()[0]:.1f}; {'full' if options.full else 'default'} sizes."
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
