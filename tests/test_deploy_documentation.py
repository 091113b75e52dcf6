"""docs/deploy.md names what the compose file and the build script take from the environment."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "deploy.md").read_text("utf-8")


def documented() -> set[str]:
    tables = "\n".join(line for line in PAGE.splitlines() if line.startswith("|"))
    return set(re.findall(r"`([A-Z_]+)`", tables))


def test_every_variable_of_the_compose_file_and_of_the_build_is_in_a_table() -> None:
    compose = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text("utf-8")))
    script = (ROOT / "scripts" / "build-images.sh").read_text("utf-8")
    build = set(re.findall(r"\b(BUILD_[A-Z_]+)", script))
    assert compose | build <= documented()


def test_what_the_page_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    missing = [link for link in links if "://" not in link and not (ROOT / "docs" / link).exists()]
    assert links and missing == []
