"""compose/ is the single source of what a local cluster is: these hold for each of its files."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path

import pytest

from kafkactl.errors import UsageError
from kafkactl.local.compose import (
    TARGETS,
    find_compose_file,
    interpolate,
    load_target,
    make_variables,
    require_usable_folders,
)
from kafkactl.local.translate import list_listening_ports, make_job_command, parse_scram_users

CONTAINER_HOSTS = re.compile(r"(?:kafka|zookeeper|controller)-\d(?=:)")


@pytest.mark.parametrize("name", TARGETS)
def test_every_image_is_pinned(name: str) -> None:
    with_zookeeper = {"confluentinc/cp-kafka:7.9.5", "confluentinc/cp-zookeeper:7.9.5"}
    allowed = with_zookeeper if name.startswith("zookeeper") else {"apache/kafka:4.3.1"}
    assert {service.image for service in load_target(name, {}).services} == allowed


@pytest.mark.parametrize("name", TARGETS)
def test_the_native_engine_is_told_the_kafka_in_the_image(name: str) -> None:
    assert load_target(name, {}).kafka_version == ("3.9.1" if name.startswith("zookeeper") else "4.3.1")


@pytest.mark.parametrize("name", TARGETS)
def test_every_service_has_a_health_check_and_is_bound_to_loopback(name: str) -> None:
    import yaml

    services = yaml.safe_load(find_compose_file(name).read_text())["services"]
    nodes = [service for service in services.values() if "entrypoint" not in service]
    assert nodes
    for service in nodes:
        assert service["healthcheck"]["test"][0] == "CMD"
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", TARGETS)
def test_numbers_of_nodes_and_racks(name: str) -> None:
    target = load_target(name, {})
    size = 3 if name.endswith(("cluster", "controllers")) else 1
    assert [broker.environment["KAFKA_BROKER_RACK"] for broker in target.brokers] == list("abc"[:size])
    zookeepers = [service for service in target.services if service.is_zookeeper]
    assert len(zookeepers) == (size if name.startswith("zookeeper") else 0)
    controllers = 3 if name == "kraft-controllers" else 0
    assert len(target.nodes) == len(target.brokers) + len(zookeepers) + controllers
    assert target.bootstrap_servers == ",".join(f"127.0.0.1:{9092 + number}" for number in range(size))


@pytest.mark.parametrize("name", ["kraft", "kraft-cluster", "kraft-controllers", "secured"])
def test_cluster_ids_are_base64_of_16_bytes(name: str) -> None:
    ids = {service.environment["CLUSTER_ID"] for service in load_target(name, {}).nodes}
    assert len(ids) == 1
    assert all(len(base64.urlsafe_b64decode(cluster_id + "==")) == 16 for cluster_id in ids)


@pytest.mark.parametrize("name", ["zookeeper", "zookeeper-cluster"])
def test_kafka_has_a_znode_of_its_own(name: str) -> None:
    for broker in load_target(name, {}).brokers:
        assert broker.environment["KAFKA_ZOOKEEPER_CONNECT"].endswith(":2181/kafka")


@pytest.mark.parametrize("name", TARGETS)
def test_hosts_and_containers_reach_each_broker_by_listeners_of_their_own(name: str) -> None:
    for broker in load_target(name, {}).brokers:
        advertised = dict(entry.split("://") for entry in broker.environment["KAFKA_ADVERTISED_LISTENERS"].split(","))
        assert advertised["INTERNAL"] == f"{broker.name}:19092"
        assert advertised["EXTERNAL"] == f"127.0.0.1:{broker.ports[0].host}"
        assert broker.environment["KAFKA_INTER_BROKER_LISTENER_NAME"] == "INTERNAL"
        assert broker.ports[0].container in list_listening_ports(broker)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "kafka-1", "[::1]", "[fe80:1::1]", "[2001:0db8::1]"])
def test_the_port_of_a_listener_is_behind_its_host(host: str) -> None:
    (broker,) = load_target("kraft", {}).brokers
    environment = {"KAFKA_LISTENERS": f"A://{host}:9092,B://{host}:19092"}
    assert list_listening_ports(replace(broker, environment=environment)) == [9092, 19092]


@pytest.mark.parametrize("name", TARGETS)
def test_each_named_host_is_a_service(name: str) -> None:
    target = load_target(name, {})
    values = " ".join(value for service in target.services for value in service.environment.values())
    assert set(CONTAINER_HOSTS.findall(values)) <= {service.name for service in target.services}


def test_ports_and_versions_can_be_chosen() -> None:
    target = load_target("kraft-cluster", make_variables(port=19092, version="4.3.0"))
    assert target.bootstrap_servers == "127.0.0.1:19092,127.0.0.1:19093,127.0.0.1:19094"
    assert target.kafka_version == "4.3.0"
    assert {service.image for service in target.services} == {"apache/kafka:4.3.0"}


def test_confluents_images_have_numbers_of_their_own() -> None:
    target = load_target("zookeeper", make_variables(version="3.8.1"))
    assert {service.image for service in target.services} == {
        "confluentinc/cp-kafka:7.8.0",
        "confluentinc/cp-zookeeper:7.8.0",
    }
    assert target.kafka_version == "3.8.1"


@pytest.mark.parametrize("version", ["latest", "4", "4.3.1; rm -rf /", "4.3.1\n", "\uff14.3.1"])
def test_what_is_no_version(version: str) -> None:
    with pytest.raises(UsageError, match=r"invalid value .* for --version: not a Kafka version"):
        make_variables(version=version)


def test_zookeeper_mode_ended_with_kafka_3() -> None:
    with pytest.raises(UsageError, match="with ZooKeeper"):
        load_target("zookeeper", make_variables(version="4.3.1"))


def test_an_unknown_target_names_the_known_ones() -> None:
    with pytest.raises(UsageError) as raised:
        load_target("swarm", {})
    assert "kraft-cluster" in (raised.value.hint or "")


def test_zookeeper_starts_before_its_brokers() -> None:
    names = [service.name for service in load_target("zookeeper-cluster", {}).services]
    assert names[:3] == ["zookeeper-1", "zookeeper-2", "zookeeper-3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "1"),
        ("${A:-x}", "1"),
        ("${NONE:-x}", "x"),
        ("${NONE-x}", "x"),
        ("${EMPTY:-x}", "x"),
        ("${EMPTY-x}", ""),
        ("${NONE}", ""),
        ("${A:+x}", "x"),
        ("${EMPTY:+x}", ""),
        ("${EMPTY+x}", "x"),
        ("${NONE:+${A}/}b", "b"),
        ("${A:+${A:-}/}b", "1/b"),
        ("$$A", "$A"),
        ("a:${A}:${NONE:-2}", "a:1:2"),
    ],
)
def test_variables_as_compose_reads_them(text: str, expected: str) -> None:
    assert interpolate(text, {"A": "1", "EMPTY": ""}) == expected


def test_log_dirs_and_secrets_can_be_folders_of_this_host(tmp_path: Path) -> None:
    here = make_variables(secrets=tmp_path / "s", log_dir=tmp_path / "logs")
    for name in TARGETS:
        for broker in load_target(name, here).brokers:
            assert broker.volumes["/var/lib/kafka/data"] == str(tmp_path / "logs" / f"{broker.name}-data")
    secured = load_target("secured", here)
    assert secured.client["ssl.ca.location"] == str(tmp_path / "s" / "ca.crt")
    job = secured.services[0]
    assert job.is_job
    assert not job.is_broker
    script = find_compose_file("secured").parent / "secured" / "make-secrets.sh"
    folders = {path: Path(source) for path, source in job.volumes.items()}
    assert make_job_command(job, folders) == ["bash", str(script), str(tmp_path / "s")]
    assert parse_scram_users(secured.brokers[0]) == [("admin", "admin-secret"), ("alice", "alice-secret")]


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "folder", ["/tmp/a b", "/tmp/ä$HOME ${X} 'x' \"q\" %", "/tmp/- x", "/tmp/a\\b", "/tmp/[{&*!|>@`"]
)
def test_a_folder_is_bound_as_it_is_named(name: str, folder: str) -> None:
    target = load_target(name, make_variables(log_dir=Path(folder), secrets=Path(folder)))
    assert [str(broker.bound_log_dir).rpartition("/")[0] for broker in target.brokers] == [folder] * len(target.brokers)


@pytest.mark.parametrize(
    "part",
    ["a:b", "a,b", "a #b", "a\n", "a\0", "a\x7f", "a\x85b", "a\x9f", "a\u2028b", "a\u2029b", "a\ufffe", "a\udcff"],
)
@pytest.mark.parametrize(("name", "place"), [*((name, "log_dir") for name in TARGETS), ("secured", "secrets")])
def test_a_folder_that_a_compose_file_cannot_name_is_refused(name: str, place: str, part: str) -> None:
    with pytest.raises(UsageError, match="the path of a local cluster's folder has the character"):
        require_usable_folders(name, make_variables(**{place: Path(f"/tmp/{part}")}))


@pytest.mark.parametrize("name", TARGETS)
def test_a_folder_that_a_target_does_not_use_is_no_fault(name: str) -> None:
    """Nor is one that only starts refuse: a cluster of an earlier release must be shown and stopped."""
    values = make_variables(secrets=Path("/tmp/a:b"))
    if name != "secured":
        require_usable_folders(name, values)
    assert load_target(name, values).brokers
    require_usable_folders(name, make_variables(secrets=Path("C:/secrets"), log_dir=Path("/tmp/a#b")))
