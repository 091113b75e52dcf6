"""The images of the Dockerfile, and all of docker-compose.yml started on them, once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed import images
from testbed.images import Image, ImagesUnavailableError
from testbed.stack import Stack

# A study counts as complete so many seconds after its last image.
VARIABLES = {"ORTHANC_STABLE_AGE": "2"}


@pytest.fixture(scope="session")
def built() -> dict[str, Image]:
    """Both images, by target."""
    try:
        return images.build()
    except ImagesUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session", params=["console", "orthanc"])
def image(request: pytest.FixtureRequest, built: dict[str, Image]) -> Image:
    """Each of both images."""
    return built[request.param]


@pytest.fixture(scope="session")
def root(image: Image) -> Iterator[Path]:
    """The file system of the image."""
    with image.mounted() as path:
        yield path


@pytest.fixture(scope="session")
def stack(built: dict[str, Image], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything of the profile `demo`, running."""
    with Stack(built, tmp_path_factory.mktemp("stack"), VARIABLES) as stack:
        stack.up()
        yield stack
