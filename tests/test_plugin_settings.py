from __future__ import annotations

from pathlib import Path

import pytest

from orthanc_console.plugin import settings

GOOD = {"OrthancConsole": {"Url": "http://console:8000/", "Token": "ocn_x", "StateDirectory": "/s"}}


def test_it_reads_the_section_of_orthancs_configuration() -> None:
    found = settings.read(GOOD, {})
    assert found.url == "http://console:8000"
    assert found.token == "ocn_x"
    assert found.state_directory == Path("/s")
    assert not found.problems


def test_the_environment_wins() -> None:
    environment = {
        "ORTHANC_CONSOLE_URL": "https://other",
        "ORTHANC_CONSOLE_TOKEN": "ocn_y",
        "ORTHANC_CONSOLE_STATE": "/t",
    }
    found = settings.read(GOOD, environment)
    assert (found.url, found.token, found.state_directory) == ("https://other", "ocn_y", Path("/t"))


def test_the_state_lies_beside_orthancs_index_by_default() -> None:
    found = settings.read({"StorageDirectory": "/data", "IndexDirectory": "/index"}, {})
    assert found.state_directory == Path("/index/orthanc-console")
    assert settings.read({"StorageDirectory": "/data"}, {}).state_directory == Path(
        "/data/orthanc-console"
    )


def test_a_token_that_became_a_number_is_a_text_again() -> None:
    section = {"OrthancConsole": {"Url": "http://console", "Token": 12345}}
    assert settings.read(section, {}).token == "12345"


def test_a_missing_address_and_token_are_named_and_do_not_stop_orthanc() -> None:
    found = settings.read({}, {})
    assert set(found.problems) == {"console_url", "console_token"}


def test_an_address_that_is_none_is_named() -> None:
    for url in ("console:8000", "ftp://console", "http://", "http://console:99999", "http://[::1"):
        found = settings.read({"OrthancConsole": {"Url": url, "Token": "x"}}, {})
        assert set(found.problems) == {"console_url"}, url


def test_an_unknown_setting_is_named() -> None:
    found = settings.read({"OrthancConsole": {**GOOD["OrthancConsole"], "Tokn": "x"}}, {})
    assert "Tokn" in found.problems["settings"]


def test_a_section_of_the_wrong_type_is_named() -> None:
    assert "settings" in settings.read({"OrthancConsole": "http://console"}, {}).problems


def test_a_missing_ca_file_is_named_and_left_out(tmp_path: Path) -> None:
    section = {"OrthancConsole": {**GOOD["OrthancConsole"], "CaFile": str(tmp_path / "none.pem")}}
    found = settings.read(section, {})
    assert "ca_file" in found.problems
    assert found.ca_file == ""


def test_a_ca_file_that_holds_no_certificate_is_named_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    section = {"OrthancConsole": {**GOOD["OrthancConsole"], "CaFile": str(tmp_path / "ca.pem")}}
    found = settings.read(section, {})
    assert "ca.pem" in found.problems["ca_file"]
    assert found.ca_file == ""


def test_a_token_that_no_header_can_carry_is_named_without_being_shown() -> None:
    for token in ("ocn_\u2014abc", "ocn_a\nb", "ocn_ü"):
        found = settings.read({"OrthancConsole": {"Url": "http://console", "Token": token}}, {})
        assert set(found.problems) == {"console_token"}
        assert token not in found.problems["console_token"]


def test_scripts_to_load_beside_it_are_one_path_or_several() -> None:
    for value, paths in (("/a.py", ("/a.py",)), (["/a.py", "/b.py"], ("/a.py", "/b.py")), ([], ())):
        found = settings.read({"OrthancConsole": {**GOOD["OrthancConsole"], "AlsoLoad": value}}, {})
        assert found.also_load == paths
        assert not found.problems


def test_a_script_to_load_that_is_no_path_is_named_and_left_out() -> None:
    for value in (True, {"a": "b"}, ["/a.py", 3]):
        found = settings.read({"OrthancConsole": {**GOOD["OrthancConsole"], "AlsoLoad": value}}, {})
        assert set(found.problems) == {"also_load"}
        assert found.also_load == ()


SHARED = {"StorageDirectory": "/data", "PostgreSQL": {"EnableIndex": True, "Lock": False}}


def test_orthancs_that_share_index_and_storage_have_state_folders_of_their_own() -> None:
    folders = {
        settings.read({**SHARED, "DatabaseServerIdentifier": name}, {}).state_directory
        for name in ("one", "two")
    }
    assert len(folders) == 2
    assert {folder.parent for folder in folders} == {Path("/data")}


def test_a_shared_index_without_a_lasting_name_is_warned_of() -> None:
    assert "state_directory" in settings.read(SHARED, {}).problems
    given = {**SHARED, "DatabaseServerIdentifier": "one"}
    assert "state_directory" not in settings.read(given, {}).problems


def test_the_time_after_which_others_take_over_can_be_set() -> None:
    section = {**GOOD["OrthancConsole"], "TakeOverAfter": 30}
    assert settings.read({"OrthancConsole": section}, {}).take_over_after == 30.0
    assert settings.read(GOOD, {}).take_over_after == 60.0


@pytest.mark.parametrize("value", [0, -1, "soon", None, True, [60]])
def test_a_time_that_is_none_is_replaced_by_the_usual_one(value: object) -> None:
    found = settings.read({"OrthancConsole": {"TakeOverAfter": value}}, {})
    assert found.take_over_after == 60.0
    assert "take_over_after" in found.problems
