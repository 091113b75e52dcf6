"""Pictures of every page, light and dark, on a desk and on a phone: `python -m testbed.screenshots FOLDER`.

Each page is taken whole and, as `-first-screen`, as it is first seen; the pictures in docs/images are of the latter kind.

Runs the real application on a database of its own in a temporary folder, filled with `testbed.sample_data`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, ViewportSize

    from testbed.sample_data import Site

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync"),
)
TALLEST = 2400
SIZES: dict[str, ViewportSize] = {
    "desk": {"width": 1366, "height": 768},
    "phone": {"width": 390, "height": 844},
}


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def application(folder: Path) -> Iterator[tuple[str, Site]]:
    """The console on a free port with sample data; yields its address and what was made."""
    os.environ["DATA_DIR"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "orthanc_console.settings"
    import django
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    django.setup()
    from testbed.sample_data import fill

    call_command("migrate", verbosity=0)
    site = fill()
    with make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=_Quiet) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", site
        server.shutdown()


def pages(site: Site) -> dict[str, str]:
    """Name of a picture -> address."""
    return {**watching(site), **configuring(site), **administering(site)}


def watching(site: Site) -> dict[str, str]:
    """Where one looks at what happens: name of a picture -> address."""
    return {
        "overview": "/",
        "studies": "/studies/",
        "study": f"/studies/{site.study.pk}/",
        "deliveries": "/deliveries/",
        "deliveries-failed": "/deliveries/?state=failed",
        "delivery": f"/deliveries/{site.failed.pk}/",
        "lanes": "/lanes/",
        "lane-drain": f"/destinations/{site.destinations[1].pk}/drain/?node={site.nodes[0].pk}",
        "act": f"/acts/{site.act.pk}/",
        "studies-send-all": "/studies/all/?modality=CT",
        "delivery-retry-all": "/deliveries/all/retry/?state=failed",
        "moves": "/moves/",
        "move": f"/moves/{site.moves.move.pk}/",
        "purge-runs": "/purge/runs/",
        "purge-run-held": f"/purge/runs/{site.purges.held.pk}/",
        "purge-run": f"/purge/runs/{site.purges.running.pk}/",
        "purged-studies": "/purge/studies/",
    }


def configuring(site: Site) -> dict[str, str]:
    """Where rules, destinations, policies and webhooks are written: name of a picture -> address."""
    return {
        "destinations": "/destinations/",
        "destination": f"/destinations/{site.destinations[1].pk}/",
        "destination-new": "/destinations/new/",
        "destination-edit": f"/destinations/{site.destinations[2].pk}/edit/",
        "destination-delete": f"/destinations/{site.destinations[0].pk}/delete/",
        "rules": "/rules/",
        "rule": f"/rules/{site.rules[2].pk}/",
        "rule-edit": f"/rules/{site.rules[4].pk}/edit/",
        "rule-new": "/rules/new/",
        "rule-templates": "/rules/templates/",
        "rule-revision": f"/rules/{site.rules[2].pk}/revisions/1/",
        "rules-exchange": "/rules/exchange/",
        "private-tags": "/rules/tags/",
        "webhooks": "/webhooks/",
        "webhook": f"/webhooks/{site.moves.webhook.pk}/",
        "webhook-targets": "/webhook-targets/",
        "webhook-target": f"/webhook-targets/{site.moves.targets[1].pk}/",
        "webhook-target-edit": f"/webhook-targets/{site.moves.targets[1].pk}/edit/",
        "purge-policies": "/purge/policies/",
        "purge-policy": f"/purge/policies/{site.purges.policies[1].pk}/",
        "purge-policy-new": "/purge/policies/new/",
        "purge-policy-edit": f"/purge/policies/{site.purges.policies[1].pk}/edit/",
        "purge-policy-run": f"/purge/policies/{site.purges.policies[1].pk}/run/",
        "purge-settings": "/purge/settings/",
    }


def administering(site: Site) -> dict[str, str]:
    """Where administrators go: name of a picture -> address."""
    return {
        "retention": "/retention/",
        "nodes": "/nodes/",
        "node": f"/nodes/{site.nodes[0].pk}/",
        "node-warned": f"/nodes/{site.nodes[2].pk}/",
        "node-new": "/nodes/new/",
        "node-delete": f"/nodes/{site.nodes[0].pk}/delete/",
        "users": "/users/",
        "user": f"/users/{site.admin.pk}/",
        "user-new": "/users/new/",
        "account": "/account/",
        "audit": "/audit/",
        "not-found": "/there-is-no-such-page/",
    }


def take(context: BrowserContext, url: str, site: Site, folder: Path, suffix: str) -> None:
    from testbed.sample_data import PASSWORD

    page = context.new_page()
    page.goto(f"{url}/login/")
    page.screenshot(path=folder / f"login-{suffix}.png")
    page.fill("[name=username]", site.admin.username)
    page.fill("[name=password]", PASSWORD)
    page.click("main button:not([data-theme-choice])")
    page.wait_for_url(f"{url}/")
    for name, path in pages(site).items():
        page.goto(url + path)
        page.screenshot(path=folder / f"{name}-{suffix}-first-screen.png")
        _whole(page, folder / f"{name}-{suffix}.png")
    page.goto(f"{url}/nodes/new/")
    page.fill("[name=name]", f"new node {suffix}")
    page.click("main form button")
    page.wait_for_selector("[role=tablist]")
    _whole(page, folder / f"node-attach-{suffix}.png")
    page.close()


def _whole(page: Page, path: Path) -> None:
    """Photograph the whole page in a window that is as high, so that what sticks to its edges does."""
    width = page.viewport_size["width"] if page.viewport_size else 1366
    lowest = SIZES["desk"]["height"]
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": min(max(height, lowest), TALLEST)})
    page.screenshot(path=path)
    page.set_viewport_size({"width": width, "height": lowest})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", choices=SIZES, action="append")
    parser.add_argument("--theme", choices=("light", "dark"), action="append")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    from playwright.sync_api import sync_playwright

    # Playwright runs an event loop in this thread, where Django otherwise refuses its database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with (
        tempfile.TemporaryDirectory() as data,
        application(Path(data)) as (url, site),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for size in options.size or SIZES:
            for theme in options.theme or ("light", "dark"):
                context = browser.new_context(viewport=SIZES[size], color_scheme=theme)
                take(context, url, site, options.folder, f"{size}-{theme}")
                context.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
