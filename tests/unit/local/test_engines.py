"""What is said when an engine, a port or a file is missing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from kafkactl.errors import EngineError, NotFoundError, UsageError
from kafkactl.local import cluster, compose, docker, instance, jars, launch, native, nodes, ports
from kafkactl.local.engine import Fault


@pytest.fixture(autouse=True)
def _nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KAFKACTL_DATA", str(tmp_path / "data"))
    for name in ("JAVA_HOME", "KAFKA_HOME"):
        monkeypatch.delenv(name, raising=False)


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def up(engine: str) -> None:
    cluster.up("kraft", engine, next(ports.find_free_ports(20_000)), None, lambda _servers: 0, lambda _line: None)


@pytest.mark.parametrize("engine", ["auto", "native"])
def test_without_java(engine: str) -> None:
    with pytest.raises(EngineError, match="java not found on PATH") as raised:
        up(engine)
    for way_out in ("Java 17 and Maven", "KAFKA_HOME", "--engine docker"):
        assert way_out in (raised.value.hint or "")
    assert instance.find("kraft") is None


def test_with_a_java_too_old(tmp_path: Path) -> None:
    program(tmp_path, "java", "echo 'openjdk version \"11.0.2\" 2019' >&2")
    with pytest.raises(EngineError, match=r"needs Java 17 or newer, and .* is version 11"):
        up("native")


def test_without_maven(tmp_path: Path) -> None:
    program(tmp_path, "java", "echo 'openjdk version \"17.0.2\"' >&2")
    with pytest.raises(EngineError, match=r"Maven \(mvn\) not found") as raised:
        up("native")
    assert "KAFKA_HOME" in (raised.value.hint or "")


def test_when_maven_fails_nothing_half_fetched_stays(tmp_path: Path) -> None:
    program(tmp_path, "java", "echo 'openjdk version \"17.0.2\"' >&2")
    program(tmp_path, "mvn", "echo '[ERROR] no such artifact'; exit 1")
    with pytest.raises(EngineError, match="no such artifact"):
        up("native")
    assert list((tmp_path / "cache" / "kafkactl" / "kafka").iterdir()) == []


@pytest.mark.parametrize(
    ("script", "reason"),
    [("#!/nonexistent/sh\n", "Maven cannot be run"), ("#!/bin/sh\n", "without the jars"), (None, "without the jars")],
)
def test_a_maven_that_does_nothing_leaves_nothing(tmp_path: Path, script: str | None, reason: str) -> None:
    """Then Docker can be tried; an empty folder would count as jars for ever."""
    program(tmp_path, "mvn", "/bin/mkdir libs")
    if script is not None:
        (tmp_path / "mvn").write_text(script)
    with pytest.raises(EngineError, match=reason):
        jars.get_libs("4.3.1", lambda _line: None)
    assert list((tmp_path / "cache" / "kafkactl" / "kafka").iterdir()) == []


def test_a_maven_in_a_relative_folder_of_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin", "mvn", "/bin/mkdir libs; echo > libs/kafka.jar")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "bin")
    libs = jars.get_libs("4.3.1", lambda _line: None)
    assert [jar.name for jar in libs.iterdir()] == ["kafka.jar"]


def test_a_kafka_home_that_holds_no_kafka_or_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "kafka"
    (home / "libs").mkdir(parents=True)
    monkeypatch.setenv("KAFKA_HOME", str(home))
    with pytest.raises(EngineError, match="has no Kafka"):
        jars.get_libs("4.3.1", lambda _line: None)
    (home / "libs" / "kafka_2.13-4.3.1-SNAPSHOT.jar").touch()
    with pytest.raises(EngineError, match=r"has no release of Kafka: kafka_2\.13-4\.3\.1-SNAPSHOT\.jar"):
        jars.get_libs("4.3.1", lambda _line: None)
    (home / "libs" / "kafka_2.13-4.2.0.jar").touch()
    with pytest.raises(UsageError, match=r"has Kafka 4\.2\.0") as raised:
        jars.get_libs("4.3.1", lambda _line: None)
    assert "--version 4.2.0" in (raised.value.hint or "")
    assert jars.get_libs("4.2.0", lambda _line: None) == home / "libs"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KAFKA_HOME", "kafka")
    assert jars.get_libs("4.2.0", lambda _line: None) == home / "libs", "a node runs in a folder of its own"
    (home / "libs" / "kafka_2.13-4.10.0.jar").touch()
    with pytest.raises(UsageError, match=r"has Kafka 4\.2\.0, 4\.10\.0, not 4\.3\.1") as raised:
        jars.get_libs("4.3.1", lambda _line: None)
    assert "--version 4.10.0" in (raised.value.hint or "")


@pytest.mark.parametrize("target", ["kraft", "kraft-cluster", "zookeeper"])
def test_a_node_that_ends_while_it_starts_is_noticed_at_once(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "kafka"
    (home / "libs").mkdir(parents=True)
    (home / "libs" / f"kafka_2.13-{compose.load_target(target, {}).kafka_version}.jar").touch()
    monkeypatch.setenv("KAFKA_HOME", str(home))
    program(
        tmp_path,
        "java",
        """
case "$*" in
  *-version*) echo 'openjdk version "17.0.2"' >&2 ;;
  *StorageTool*) ;;
  *) echo "[now] ERROR the disk is gone (kafka.Kafka)"; exit 1 ;;
esac""",
    )
    monkeypatch.setattr(launch, "START_TIMEOUT_S", 20)
    with pytest.raises(EngineError, match=r"ended while starting: .*the disk is gone") as raised:
        cluster.up(target, "native", 23_500, None, lambda _servers: 0, lambda _line: None)
    assert "look at its log" in (raised.value.hint or "")


def test_without_docker(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="docker not found on PATH") as raised:
        up("docker")
    assert "--engine native" in (raised.value.hint or "")
    program(tmp_path, "docker", "exit 1")
    assert docker.find_docker_problem() == "the Docker engine does not answer"
    program(tmp_path, "docker", '[ "$1" = info ]')
    assert docker.find_docker_problem() == "docker has no compose plugin"


@pytest.mark.parametrize("name", ["docker", "java"])
def test_a_program_that_cannot_be_run_counts_as_none(name: str, tmp_path: Path) -> None:
    """Such as one for another processor."""
    program(tmp_path, name, "")
    (tmp_path / name).write_bytes(b"\x7fELF")
    if name == "docker":
        assert docker.find_docker_problem() == "docker cannot be run: Exec format error"
    else:
        with pytest.raises(EngineError, match="java cannot be run: Exec format error"):
            jars.require_java("4.3.1")


def test_a_relative_java_home_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home" / "bin").mkdir(parents=True)
    program(tmp_path / "home" / "bin", "java", "")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JAVA_HOME", "home")
    assert jars.find_java() == str(tmp_path / "home" / "bin" / "java")


def test_the_advice_to_remove_a_folder_can_be_pasted(tmp_path: Path) -> None:
    file = tmp_path / "my logs"
    file.touch()
    with pytest.raises(EngineError) as raised:
        cluster._remove(file)
    assert raised.value.hint == f"remove it as root: sudo rm -rf '{file}'"


def test_where_docker_gets_no_image_java_is_tried(tmp_path: Path) -> None:
    program(tmp_path, "docker", 'case "$1 $2" in "info "*|"compose version") ;; *) echo "no route"; exit 1 ;; esac')
    with pytest.raises(EngineError, match=r"docker compose pull failed: no route; the native engine needs Java"):
        up("auto")
    with pytest.raises(EngineError, match="docker compose pull failed: no route") as raised:
        up("docker")
    assert "--engine native" in (raised.value.hint or "")
    assert instance.find("kraft") is None


def test_images_that_are_there_are_not_pulled(tmp_path: Path) -> None:
    program(tmp_path, "docker", f'echo "$@" >> {tmp_path}/calls')
    docker.DockerEngine({}).prepare(cluster.load_target("zookeeper", {}), lambda _line: None)
    calls = (tmp_path / "calls").read_text()
    assert "image inspect" in calls
    assert "pull" not in calls


def test_docker_is_given_the_file_and_its_variables(tmp_path: Path) -> None:
    program(tmp_path, "docker", f'echo "$KAFKACTL_PORT_1 $@" >> {tmp_path}/calls')
    engine = docker.DockerEngine({"KAFKACTL_PORT_1": "9999"})
    target = cluster.load_target("kraft", {})
    engine.up(target, lambda _line: None)
    engine.down(target, True, lambda _line: None)
    start, stop = (tmp_path / "calls").read_text().splitlines()
    common = f"9999 compose --progress plain --project-name kafkactl-kraft --file {target.file}"
    assert start == f"{common} up --detach --wait --wait-timeout 180"
    assert stop == f"{common} down --volumes"


@pytest.mark.parametrize("kind", ["folder", "link", "missing"])
def test_docker_empties_only_a_log_dir_that_is_a_folder(kind: str, tmp_path: Path) -> None:
    """`docker run` would create one that is missing, for root, and follow a link that is then not removed."""
    program(tmp_path, "docker", f'echo "$@" >> {tmp_path}/calls')
    folder = tmp_path / "logs" / "kafka-1-data"
    folder.parent.mkdir()
    if kind == "folder":
        folder.mkdir()
    elif kind == "link":
        folder.symlink_to(tmp_path)
    target = cluster.load_target("kraft", {"KAFKACTL_LOG_DIR": str(folder.parent)})
    docker.DockerEngine({}).down(target, True, lambda _line: None)
    runs = [call for call in (tmp_path / "calls").read_text().splitlines() if call.startswith("run ")]
    assert bool(runs) == (kind == "folder")


def test_what_docker_says_is_told_as_it_says_it_and_a_failure_in_one_line(tmp_path: Path) -> None:
    program(tmp_path, "docker", "echo ' kafka-1 Pulling ' >&2; echo 'manifest unknown' >&2; exit 1")
    told: list[str] = []
    with pytest.raises(EngineError, match="docker compose up failed: manifest unknown") as raised:
        docker.DockerEngine({}).up(cluster.load_target("kraft", {}), told.append)
    assert "kafka-1 Pulling" in told
    assert raised.value.hint == "look at its logs: kafkactl local logs kraft"


def test_the_status_of_a_cluster_whose_docker_is_away_is_unknown() -> None:
    instance.Instance("kraft", "docker", "4.3.1", 9092).save()
    assert [node.state for node in cluster.list_node_statuses()] == ["unknown"]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ('{"Service": "kafka-1", "State": "paused"}', "paused"),
        ('[{"Service": "kafka-1", "State": "exited"}]', "exited"),
        ("", "stopped"),
        ("null", "unknown"),
        ("[1]", "unknown"),
        ('{"Service": "kafka-1"}', "unknown"),
        ('[{"Names": ["kafka-1"], "State": "running"}]', "unknown"),
        ('{"Service": "kafka-1", "State": 1}', "unknown"),
        ('{"Service": ["kafka-1"], "State": "running"}', "unknown"),
        ("[" * 100_000, "unknown"),
    ],
    ids=lambda text: text[:80],
)
def test_an_answer_of_docker_without_states_is_unknown(answer: str, state: str, tmp_path: Path) -> None:
    (tmp_path / "answer").write_text(answer)
    program(tmp_path, "docker", f'while read -r line || [ -n "$line" ]; do echo "$line"; done < {tmp_path}/answer')
    instance.Instance("kraft", "docker", "4.3.1", 9092).save()
    assert [node.state for node in cluster.list_node_statuses()] == [state]


@pytest.mark.parametrize("engine", ["docker", "native"])
def test_a_folder_in_the_record_that_no_cluster_can_have_is_wrong_usage(engine: str) -> None:
    for log_dir in ("/tmp/a\x01b", "/tmp/a #b"):
        instance.Instance("kraft", engine, "4.3.1", 9092, log_dir).save()
        with pytest.raises(UsageError, match="the path of a local cluster's folder has the character"):
            cluster.list_node_statuses()


def test_data_of_one_engine_is_not_started_with_the_other() -> None:
    instance.Instance("kraft", "docker", "4.3.1", next(ports.find_free_ports(20_000))).save()
    with pytest.raises(EngineError, match="the data of the cluster belong to the docker engine"):
        up("native")


def test_a_port_in_use_is_found_first() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not ports.is_free(port)
        assert ports.is_open(port)
        with pytest.raises(EngineError, match=f"port {port} in use") as raised:
            ports.require_free([port], "kraft")
        assert "--port" in (raised.value.hint or "")
    assert ports.is_free(port)


def test_a_port_that_the_user_may_not_open_is_not_called_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(ports.socket.socket, "bind", refuse)
    assert not ports.is_free(80)
    with pytest.raises(EngineError, match="this user may not open port 80") as raised:
        ports.require_free([80, 81], "kraft")
    assert "above 1023" in (raised.value.hint or "")


def test_what_is_not_there_cannot_be_stopped() -> None:
    with pytest.raises(NotFoundError, match="local cluster not found: 'kraft'"):
        cluster.down("kraft", False, lambda _line: None)


@pytest.mark.parametrize(
    "text",
    [
        '{"target": "kraft"}',
        '{"target": "kraft", "engine": "native", "version": "4.3.1", "port": "9092"}',
        '{"target": "kraft", "engine": "native", "version": "4.3.1", "port": null}',
        '{"target": "kraft", "engine": "native", "version": "4.3.1", "port": 99999}',
        '{"target": "kraft", "engine": "native", "version": 4.3, "port": 9092}',
        '{"target": "kraft-cluster", "engine": "native", "version": "4.3.1", "port": 9092}',
        "[" * 100_000,
    ],
    ids=lambda text: text[:80],
)
def test_a_damaged_record_is_one_clear_error(text: str) -> None:
    folder = instance.get_folder("kraft")
    folder.mkdir(parents=True)
    (folder / "instance.json").write_text(text)
    with pytest.raises(EngineError, match="damaged"):
        cluster.list_node_statuses()


def test_a_process_id_of_somebody_else_is_not_ours() -> None:
    from kafkactl.local.nodes import list_nodes

    (node,) = list_nodes(cluster.load_target("kraft", {}))
    node.folder.mkdir(parents=True)
    node.pid_file.write_text(str(os.getpid()))
    assert node.find_pid() is None


def test_a_node_in_a_folder_that_is_no_text_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKACTL_DATA", f"{tmp_path}/\udcff")
    (node,) = nodes.list_nodes(compose.load_target("kraft", {}))
    node.folder.mkdir(parents=True)
    command = ["/bin/sh", "-c", "echo ready; read line", str(node.properties)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        node.pid_file.write_text(str(process.pid))
        assert node.find_pid() == process.pid


def test_without_proc_a_long_command_line_is_not_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKACTL_DATA", f"{tmp_path}/\udcff")
    (node,) = nodes.list_nodes(compose.load_target("kraft", {}))
    node.folder.mkdir(parents=True)
    node.pid_file.write_text("1")
    monkeypatch.setenv("LINE", f"java -cp libs/* {'x' * 200} kafka.Kafka {node.properties}")
    # As ps of macOS and FreeBSD, which cut a line at the width of the terminal or at COLUMNS.
    program(tmp_path, "ps", 'case "$*" in *-ww*) echo "$LINE";; *) printf "%.79s\\n" "$LINE";; esac')
    monkeypatch.setattr(nodes, "Path", lambda _name: tmp_path / "no proc")
    assert node.find_pid() == 1


def test_a_paused_node_ends_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (node,) = nodes.list_nodes(compose.load_target("kraft", {}))
    node.folder.mkdir(parents=True)
    script = f"trap 'echo ended > {tmp_path}/ended; exit 0' TERM; echo ready; while :; do :; done"
    process = subprocess.Popen(["/bin/sh", "-c", script, str(node.properties)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    node.pid_file.write_text(str(process.pid))
    process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(native, "STOP_TIMEOUT_S", 10)
    told: list[str] = []
    threading.Thread(target=process.wait).start()  # no zombie stays
    native._stop([node], told.append)
    assert told == [f"stopping {node.service.name}"]
    assert (tmp_path / "ended").read_text() == "ended\n"
    process.stdout.close()


def test_a_node_that_cannot_be_ended_keeps_its_pid_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that waits for its disk outlives SIGKILL; status and the next down must still find it."""
    monkeypatch.setenv("KAFKACTL_DATA", str(tmp_path))
    first, second, third = nodes.list_nodes(compose.load_target("kraft-cluster", {}))
    for node, pid in ((first, 4_000_001), (second, 4_000_002)):
        node.folder.mkdir(parents=True)
        node.pid_file.write_text(str(pid))
    monkeypatch.setattr(native, "STOP_TIMEOUT_S", 0)
    monkeypatch.setattr(native, "_send_signal", lambda *_arguments: None)
    monkeypatch.setattr(nodes.Node, "find_pid", lambda node: 4_000_002 if node.service is second.service else None)
    with pytest.raises(EngineError, match=r"cannot end kafka-2 \(process 4000002\)"):
        native._stop([first, second, third], lambda _line: None)
    assert [node.pid_file.exists() for node in (first, second, third)] == [False, True, False]


def test_a_killed_node_that_still_runs_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKACTL_DATA", str(tmp_path))
    target = compose.load_target("kraft-cluster", {})
    monkeypatch.setattr(native, "STOP_TIMEOUT_S", 0)
    monkeypatch.setattr(native, "_send_signal", lambda *_arguments: None)
    monkeypatch.setattr(nodes.Node, "find_pid", lambda _node: 4_000_002)
    with pytest.raises(EngineError, match=r"cannot end kafka-2 \(process 4000002\)"):
        native.NativeEngine().apply(Fault.KILL, target, target.nodes[1], lambda _line: None)


def test_a_program_that_may_not_be_run_is_one_clear_error(tmp_path: Path) -> None:
    program(tmp_path, "docker", "exit 0")
    (tmp_path / "docker").chmod(0o644)
    with pytest.raises(EngineError, match="docker not found on PATH"):
        up("docker")


def test_output_of_programs_that_is_no_utf_8_hides_no_error(tmp_path: Path) -> None:
    program(tmp_path, "java", "echo 'openjdk version \"17.0.2\"' >&2")
    program(tmp_path, "mvn", r"printf '[ERROR] no such artifact \377\n'; exit 1")
    with pytest.raises(EngineError, match="no such artifact"):
        up("native")


def test_a_folder_that_another_process_empties_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "local"
    folder.mkdir()
    for name in "abc":
        (folder / name).touch()
    unlink, gone = os.unlink, []

    def unlink_late(path: Any, **place: Any) -> None:
        unlink(path, **place)
        if not gone:
            gone.append(path)
            raise FileNotFoundError(2, "No such file or directory", path)

    monkeypatch.setattr(os, "unlink", unlink_late)
    cluster._remove(folder)
    assert gone
    assert not folder.exists()
    cluster._remove(folder)


@pytest.mark.parametrize("is_dangling", [False, True])
def test_a_link_in_place_of_a_folder_is_not_removed(tmp_path: Path, is_dangling: bool) -> None:
    (tmp_path / "link").symlink_to(tmp_path / ("nothing" if is_dangling else "."))
    with pytest.raises(EngineError, match="it is a link"):
        cluster._remove(tmp_path / "link")
