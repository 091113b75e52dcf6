"""docker-compose.yml as Docker Compose itself reads it."""

from __future__ import annotations

from typing import Any

import pytest

from testbed.compose import configuration, program
from testbed.images import ImagesUnavailableError


@pytest.fixture(scope="module", autouse=True)
def _compose() -> None:
    try:
        program()
    except ImagesUnavailableError as error:
        pytest.skip(str(error))


def composed(variables: dict[str, str], *profiles: str) -> dict[str, Any]:
    services: dict[str, Any] = configuration(variables, *profiles)["services"]
    return services


def test_compose_takes_the_file_and_the_demo_is_extra() -> None:
    plain, demo = composed({}), composed({}, "demo")
    assert set(plain) == {
        "secrets",
        "database",
        "setup",
        "register",
        "console",
        "scheduler",
        "orthanc",
    }
    assert set(demo) - set(plain) == {"archive", "samples"}


def test_every_service_is_hardened() -> None:
    for name, service in composed({}, "demo").items():
        assert service["user"].partition(":")[0] not in ("", "0", "root"), name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["logging"]["options"]["max-size"], name


def test_services_that_stay_start_again_by_themselves() -> None:
    staying = {
        name
        for name, each in composed({}, "demo").items()
        if each.get("restart") == "unless-stopped"
    }
    assert staying == {"database", "console", "scheduler", "orthanc", "archive"}


def test_services_that_stay_say_whether_they_work() -> None:
    for name, service in composed({}, "demo").items():
        assert ("healthcheck" in service) is (service.get("restart") == "unless-stopped"), name


def test_only_dicom_is_published_beyond_the_machine() -> None:
    published = {
        (name, port["target"])
        for name, service in composed({}, "demo").items()
        for port in service.get("ports", ())
        if port.get("host_ip") != "127.0.0.1"
    }
    assert published == {("orthanc", 4242)}


def test_own_images_are_never_looked_for_elsewhere() -> None:
    for service in composed({}, "demo").values():
        if service["image"].startswith("orthanc-console/"):
            assert service["pull_policy"] == "build" and service["build"]


def test_ports_and_names_are_those_of_the_environment() -> None:
    variables = {
        "PORT": "9000", "ALLOWED_HOSTS": "console.example.org",
        "CSRF_TRUSTED_ORIGINS": "https://console.example.org", "ORTHANC_DICOM": "104",
    }  # fmt: skip
    services = composed(variables)
    assert services["console"]["ports"][0]["published"] == "9000"
    assert services["orthanc"]["ports"][0]["published"] == "104"
    settings = services["console"]["environment"]
    assert settings["ALLOWED_HOSTS"] == "console.example.org,127.0.0.1,console"
    assert settings["CSRF_TRUSTED_ORIGINS"] == "https://console.example.org"


def test_several_consoles_get_a_port_each() -> None:
    [port] = composed({"PORT": "8000-8001"})["console"]["ports"]
    assert port["published"] == "8000-8001" and port["target"] == 8000
