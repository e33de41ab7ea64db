"""Files of controllers: what they say, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kafkactl.admin.controller_files import ControllerFileError, Fault, find_directory_id, find_endpoints, find_node_id

ID = "AAAAAAAAAAAAAAAAAAAAAQ"


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({}, Fault.MISSING_ID),
        ({"node.id": "x"}, Fault.INVALID_ID),
        ({"node.id": "9999999999"}, Fault.INVALID_ID),
        ({"node.id": "-1"}, Fault.NEGATIVE_ID),
        ({"node.id": "4"}, Fault.NO_CONTROLLER),
        ({"node.id": "4", "process.roles": "broker"}, Fault.NO_CONTROLLER),
    ],
)
def test_a_file_without_an_id_of_a_controller(settings: dict[str, str], fault: Fault) -> None:
    with pytest.raises(ControllerFileError) as caught:
        find_node_id(settings)
    assert caught.value.fault is fault


def test_the_id() -> None:
    assert find_node_id({"node.id": "+4", "process.roles": "broker,controller"}) == 4


def test_the_folder(tmp_path: Path) -> None:
    (tmp_path / "meta.properties").write_text(f"#\nversion=1\nnode.id=4\ndirectory.id={ID}\n")
    assert find_directory_id({"log.dirs": f"{tmp_path}, /other"}) == ID
    assert find_directory_id({"log.dirs": "/other", "metadata.log.dir": str(tmp_path)}) == ID


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "meta.properties").write_text("version=1\nnode.id=4\n")
    for settings, fault in (
        ({}, Fault.MISSING_FOLDER),
        ({"log.dir": str(tmp_path)}, Fault.MISSING_FOLDER),
        ({"log.dirs": ""}, Fault.UNREADABLE_FOLDER),
        ({"log.dirs": str(tmp_path)}, Fault.UNREADABLE_FOLDER),
        ({"log.dirs": str(tmp_path / "old")}, Fault.MISSING_DIRECTORY_ID),
    ):
        with pytest.raises(ControllerFileError) as caught:
            find_directory_id(settings)
        assert caught.value.fault is fault, settings


def test_advertised_listeners_win() -> None:
    settings = {
        "controller.listener.names": "CONTROLLER, second",
        "listeners": "PLAINTEXT://:9092,CONTROLLER://0.0.0.0:9093 , SECOND://[::1]:9094,OTHER://a:1",
        "advertised.listeners": "controller://c4.example:19093",
    }
    assert [str(endpoint) for endpoint in find_endpoints(settings)] == [
        "CONTROLLER://c4.example:19093",
        "SECOND://[::1]:9094",
    ]


def test_no_host_is_localhost() -> None:
    (endpoint,) = find_endpoints({"controller.listener.names": "C", "listeners": "C://:9093"})
    assert (endpoint.host, endpoint.port) == ("localhost", 9093)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"listeners": "C://h:1"}, "controller.listener.names is missing"),
        ({"controller.listener.names": "C"}, "no listener has the name C of controller.listener.names"),
        ({"controller.listener.names": "C", "listeners": "C:1"}, "invalid listener: C:1"),
        ({"controller.listener.names": "C", "listeners": "C://h:65536"}, "invalid listener: C://h:65536"),
    ],
)
def test_listeners_that_cannot_be_used(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ControllerFileError, match=message):
        find_endpoints(settings)
