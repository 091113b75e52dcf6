"""A real browser against the real console; it fails on anything that a user's console would show as red."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)
from pytest_django.live_server_helper import LiveServer

from orthanc_console.accounts.models import User
from routing.models import Destination, Study
from testbed.screenshots import CHROMIUM, FLAGS, SIZES
from tests.conftest import PASSWORD
from tests.factories import make_modality, make_node, make_study

# Playwright runs an event loop in this thread, where Django otherwise refuses its database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def open_browser(
    chromium: Browser, live_server: LiveServer
) -> Iterator[Callable[..., BrowserContext]]:
    """Make a browser window's context; at the end, nothing in it may have gone wrong."""
    problems: list[str] = []
    contexts: list[BrowserContext] = []
    own = urlsplit(live_server.url).netloc

    def watch(page: Page) -> None:
        page.on("console", lambda message: problems.extend(_complaint(message)))
        page.on("pageerror", lambda error: problems.append(str(error)))

    def asked(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc != own:
            problems.append(f"asked another host: {request.url}")

    def make(size: str = "desk", **options: object) -> BrowserContext:
        context = chromium.new_context(viewport=SIZES[size], base_url=live_server.url, **options)  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        context.on("page", watch)
        context.on("request", asked)
        contexts.append(context)
        return context

    yield make
    for page in [page for context in contexts for page in context.pages]:
        page.title()  # Its answer comes after what the page said before.
    found = list(problems)
    # Closing cuts off what a page still asks for, and it complains of that.
    for context in contexts:
        context.close()
    assert found == []


def _complaint(message: ConsoleMessage) -> list[str]:
    # A page that answers 404 or 403 on purpose is noted by Chromium as an error, too.
    expected = "the server responded with a status of 40" in message.text
    return [message.text] if message.type == "error" and not expected else []


@pytest.fixture
def alice_page(alice: User, open_browser: Callable[..., BrowserContext]) -> Page:
    """A window in which an administrator signed in."""
    return sign_in(open_browser().new_page(), "alice")


@pytest.fixture
def bob_page(bob: User, open_browser: Callable[..., BrowserContext]) -> Page:
    """A window in which an operator signed in."""
    return sign_in(open_browser().new_page(), "bob")


def sign_in(page: Page, name: str, password: str = PASSWORD) -> Page:
    page.goto("/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Overview").wait_for()
    return page


@pytest.fixture
def pacs(transactional_db: None) -> Destination:
    return make_modality("PACS")


@pytest.fixture
def studies(transactional_db: None) -> list[Study]:
    node, _secret = make_node("main")
    kinds = [("CT", "Head"), ("MR", "Knee"), ("CT", "Abdomen")]
    return [
        make_study(
            node,
            study_description=words,
            modalities=[modality],
            size_bytes=1024**2,
            facts={
                "study": {
                    "StudyDescription": words,
                    "RemoteAET": f"{modality}1",
                    "ModalitiesInStudy": modality,
                },
                "series": [{"Modality": modality}],
            },
        )
        for modality, words in kinds
    ]
