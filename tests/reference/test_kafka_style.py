"""Kafka's command lines, run by Kafka's tools and by ours: stdout, stderr, status and what was changed are equal.

`make test` runs each option on one broker; `make test-long-kafka-style` runs all lines there, on three nodes and on
ZooKeeper, and all bad lines a second time without KAFKACTL_COMPAT_STATUS.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import Producer

from kafkactl.cli.kafka_style.doors import TOOLS
from kafkactl.cli.kafka_style.parser import Arity
from kafkactl.cli.kafka_style.tools import load_tool
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.settings import resolve
from tests import java_tools
from tests.acl_broker import USERS, AclBroker, make_login
from tests.clusters import RunningCluster, eventually
from tests.reference import equality

EVERY_CELL = "KAFKACTL_TEST_EVERY_CELL" in os.environ
SECTIONS = equality.sections()
FILES = {
    "first.json": '{"partitions":[{"topic":"eqshared-a","partition":0,"offset":0}],"version":1}',
    "far.json": '{"partitions":[{"topic":"eqshared-a","partition":0,"offset":50}],"version":1}',
    "duplicate.json": '{"partitions":[{"topic":"eqshared-a","partition":0,"offset":0},'
    '{"topic":"eqshared-a","partition":0,"offset":1}],"version":1}',
    "plan-b.json": '{"version":1,"partitions":[{"topic":"eqshared-b","partition":0,"replicas":[1]}]}',
    "plan-none.json": '{"version":1,"partitions":[{"topic":"eqshared-none","partition":0,"replicas":[1]}]}',
    "plan-9.json": '{"version":1,"partitions":[{"topic":"eqshared-a","partition":9,"replicas":[1]}]}',
    "plan-broker.json": '{"version":1,"partitions":[{"topic":"eqshared-a","partition":0,"replicas":[77]}]}',
    "plan-twice.json": '{"version":1,"partitions":[{"topic":"eqshared-a","partition":0,"replicas":[1,1]}]}',
    "plan-double.json": '{"partitions":[{"topic":"eqshared-a","partition":0,"replicas":[1]},'
    '{"topic":"eqshared-a","partition":0,"replicas":[1]}]}',
    "plan-dirs.json": '{"partitions":[{"topic":"eqshared-a","partition":0,"replicas":[1],"log_dirs":[]}]}',
    "plan-dir.json": '{"partitions":[{"topic":"eqshared-a","partition":0,"replicas":[1],"log_dirs":["/nosuch"]}]}',
    "plan-no-replicas.json": '{"partitions":[{"topic":"eqshared-a","partition":0}]}',
    "plan-empty.json": '{"partitions":[{"topic":"eqshared-a","partition":0,"replicas":[]}]}',
    "plan-text.json": '{"partitions":[{"topic":"eqshared-a","partition":0,"replicas":["1"]}]}',
    "topics-a.json": '{"topics":[{"topic":"eqshared-a"}],"version":1}',
    "topics-none.json": '{"topics":[{"topic":"eqshared-none"}],"version":1}',
    "topics-pattern.json": '{"topics":[{"topic":"eqshared-.*"}],"version":1}',
    "topics-comma.json": '{"topics":[{"topic":"eqshared-a,eqshared-b"}],"version":1}',
    "topics-double.json": '{"topics":[{"topic":"eqshared-a"},{"topic":"eqshared-a"}]}',
    "no-offset.json": '{"partitions":[{"topic":"eqshared-a","partition":0}],"version":1}',
    "wrong-type.json": '{"partitions":[{"topic":"eqshared-a","partition":"x","offset":0}],"version":1}',
    "junk.json": '{"partitions":[{"topic":"eqshared-b","partition":0,"offset":0}]} junk',
    "minus.json": '{"partitions":[{"topic":"eqshared-b","partition":0,"offset":-5}]}',
    "version.json": '{"partitions":[],"version":2}',
    "no-partitions.json": '{"version":1}',
    "no-entries.json": '{"partitions":[]}',
    "broken.json": "{",
    "list.json": "[]",
    "empty.json": "",
    "topic.properties": "retention.ms=500000000\n",
    "client.properties": "client.id=eq\n",
    **{f"{user}.properties": make_login(user) for user in USERS},
    "one.csv": "eqshared-a,0,2\neqshared-a,1,0\n",
    "blank.csv": "eqshared-a, 0 , 1 \n",
    "double.csv": "eqshared-a,0,1\neqshared-a,0,2\n",
    "high.csv": "eqshared-a,0,99\n",
    "quoted.csv": '"eqshared-a",0,"3"\n',
    "short.csv": "eqshared-a,0\n",
    "topic.csv": "eqshared-a\n",
    "plus.csv": "eqshared-a,01,+1\neqshared-a,0,02\n",
    "end.csv": "eqshared-a,0,1,\n\n\n",
    "null.csv": "eqshared-a,0,null\n",
    "negative.csv": "eqshared-a,0,-1\n",
    "word.csv": "eqshared-a,x,0\n",
    "empty.csv": "",
    "line.csv": "\n",
    "five.csv": "a,b,c,d,e\n",
    "four.csv": "eqshared-a,0,1,5\n",
    "gap.csv": "eqshared-a,0,1\n\neqshared-a,1,1\n",
    "float.csv": "eqshared-a,0,1.5\n",
    "open.csv": '"eqshared-a,0,1\n',
    "behind.csv": '"eqshared-a"x,0,1\n',
    "head.csv": "topic,partition,offset\neqshared-a,0,1\n",
    "mixed.csv": "eqshared-a,0,0\ng,eqshared-a,0,0\n",
    "semicolon.csv": "eqshared-a;0;1\n",
    "missing.csv": ",0,1\n",
    "nosuch-topic.csv": "eqshared-none,0,0\n",
    "comment.csv": "# all\neqshared-a,0,1\n",
    "large.csv": "eqshared-a,99999999999,0\n",
    "partition.csv": "eqshared-a,9,1\n",
    "two-k.csv": "eqk-f,eqshared-a,0,1\neqk-g,eqshared-a,1,0\n",
    "two-o.csv": "eqo-f,eqshared-a,0,1\neqo-g,eqshared-a,1,0\n",
    "negative-k.csv": "eqk-f,eqshared-a,0,-1\n",
    "negative-o.csv": "eqo-f,eqshared-a,0,-1\n",
    "word-k.csv": "eqk-f,eqshared-a,0,0\neqk-g,eqshared-a,x,0\n",
    "word-o.csv": "eqo-f,eqshared-a,0,0\neqo-g,eqshared-a,x,0\n",
    "reader-more.properties": "parse.key=true\nkey.separator=\\\\t\nnosuch=1\nignore.error=maybe\n",
    "no-login.properties": "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n",
    "producer.properties": "bootstrap.servers=localhost:9\nkey.serializer=no.Such\nvalue.serializer=no.Such\n"
    "compression.type=lz4\nmax.block.ms=5000\nbatch.size=0\nlinger.ms=5\nretries=3\nvalue.serializer.encoding=UTF-16\n",
    "consumer.properties": "bootstrap.servers=localhost:9\nkey.deserializer=no.Such\nvalue.deserializer=no.Such\n"
    "max.poll.records=10\nenable.auto.commit=true\nisolation.level=read_committed\nauto.offset.reset=earliest\n"
    "default.api.timeout.ms=60000\nvalue.deserializer.encoding=UTF-16\nfetch.min.bytes=0\n",
    "formatter-more.properties": "print.key=true\nkey.separator=\\\\t\nprint.offset=maybe\nnosuch=1\n"
    "value.deserializer=org.apache.kafka.common.serialization.StringDeserializer\n",
    "reader.properties": "parse.key=true\nkey.separator=:\n",
    "formatter.properties": "print.offset=true\n",
}
_ROLE = "process.roles=controller\nnode.id=4\n"
_LISTENER = "listeners=CONTROLLER://localhost:9093\ncontroller.listener.names=CONTROLLER\n"
_FOLDER = "log.dirs={dir}/controller\n"
CONTROLLER_FILES = {
    "controller/meta.properties": "version=1\nnode.id=4\ncluster.id=x\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAQ\n",
    "controller-old/meta.properties": "version=1\nnode.id=4\ncluster.id=x\n",
    "controller.properties": _ROLE + _LISTENER + _FOLDER,
    "controller-advertised.properties": f"{_ROLE}log.dirs=/nosuch\nmetadata.log.dir={{dir}}/controller\n"
    "controller.listener.names=CONTROLLER,SECOND\nlisteners=CONTROLLER://:9093,SECOND://[::1]:9094,P://:9092\n"
    "advertised.listeners=controller://c4.example:19093\n",
    "controller-no-id.properties": _FOLDER,
    "controller-word.properties": "node.id=x\n",
    "controller-minus.properties": "node.id=-4\n",
    "controller-broker.properties": "process.roles=broker\nnode.id=4\n",
    "controller-no-dir.properties": _ROLE + _LISTENER,
    "controller-nosuch.properties": f"{_ROLE}{_LISTENER}log.dirs=/nosuch\n",
    "controller-old.properties": f"{_ROLE}{_LISTENER}log.dirs={{dir}}/controller-old\n",
    "controller-no-names.properties": f"{_ROLE}{_FOLDER}listeners=CONTROLLER://:1\n",
    "controller-no-listener.properties": f"{_ROLE}{_FOLDER}controller.listener.names=CONTROLLER\n",
    "controller-broken.properties": f"{_ROLE}{_FOLDER}controller.listener.names=C\nlisteners=C:1\n",
}
"""Settings of controllers, and the folders that they name; {dir} is the folder of all."""

UUIDS = "123E4567-E89B-12D3-A456-426614174000\n1-2-3-4-5\n+1-0-0-0-fffffffffffffff\nabc\n1-2-3--4-5\n"
"""Values that Java reads as UUIDs, and two that it does not."""
VALUES = (
    "3dcccccd",
    "501502f9",
    "ff800000",
    "7fc00001",
    "00000001",
    "fffe6162",
    "3fb999999999999a",
    "0000000000000001",
    "4415af1d78b58c40",
)
"""Values that are numbers of Java, and bytes that are no UTF-8; in hexadecimal digits."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small files that the lines name."""
    made = tmp_path_factory.mktemp("lines")
    for name, text in FILES.items():
        (made / name).write_text(text)
    for name, text in CONTROLLER_FILES.items():
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_text(text.replace("{dir}", str(made)))
    for side in equality.SIDES:
        partition = {"topic": f"eq{side}-del", "partition": 0}
        for name, offset in (("first", 1), ("end", -1)):
            document = {"partitions": [{**partition, "offset": offset}]}
            (made / f"{name}{side}.json").write_text(json.dumps(document))
    return made


def make_transactions(cluster: RunningCluster) -> None:
    """A transaction that is committed, and one that stays open for a quarter of an hour."""
    for name in ("eqshared-tx", "eqshared-open"):
        producer = Producer(
            {
                "bootstrap.servers": cluster.bootstrap_servers,
                "transactional.id": name,
                "transaction.timeout.ms": 900_000,
            }
        )
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce("eqshared-t", b"v", partition=int(name == "eqshared-open"))
        producer.flush(30)
        if name == "eqshared-tx":
            producer.commit_transaction(30)


_hmacs: dict[str, str] = {}
"""The HMAC of a token by the side that changes it."""


def make_tokens(broker: AclBroker) -> None:
    """A token of each side, which its lines renew and let expire."""
    with broker.connect("carol") as client:
        for side in equality.SIDES:
            renewers = [{"principal_type": "User", "principal_name": f"eq{side}-r"}]
            answer = client.ask("CreateDelegationToken", renewers=renewers, max_lifetime_ms=86_400_000)
            _hmacs[side] = base64.b64encode(answer["hmac"]).decode()


_prepared: set[str] = set()


def prepare(cluster: RunningCluster) -> None:
    """Makes what the lines of every section may use, once for a cluster."""
    if cluster.name in _prepared:
        return
    _prepared.add(cluster.name)
    cli = cluster.cli
    cli.ok("topics", "create", "eqshared-a", "--replica-assignment", "1,2,3" if cluster.brokers == 3 else "1,1,1")
    cli.ok(
        "topics",
        "create",
        "eqshared-u",
        "eqshared-v",
        *(f"eq{side}-{name}" for side in equality.SIDES for name in ("del", "p")),
        "-p",
        1,
        "-r",
        1,
    )
    cli.ok("topics", "create", "eqshared-b", "--replica-assignment", "1")
    cli.ok("topics", "create", "eqshared-t", "-p", 2, "-r", 1)
    make_transactions(cluster)
    for topic in ("eqshared-a", *(f"eq{side}-del" for side in equality.SIDES)):
        cli.ok("produce", topic, "--partition", 0, input="1\n2\n3\n4\n5\n")
    cli.ok("produce", "eqshared-u", input=UUIDS)
    cli.ok("produce", "eqshared-v", "--value-format", "hex", input="".join(f"{value}\n" for value in VALUES))


def run_line(cluster: RunningCluster, line: equality.Line, folder: Path, connected: Cluster) -> list[equality.Result]:
    """The results of both sides."""
    results = []
    for side in equality.SIDES:
        words = line.words(
            side, cluster.bootstrap_servers, folder, cluster.controllers, cluster.logins, _hmacs.get(side, "aaaa")
        )
        if side == "k":
            done = java_tools.run(load_tool(line.tool).main_class, *words, input=line.input)
        else:
            if line.between:
                cluster.cli.ok(*shlex.split(line.between))
            cli = cluster.cli.with_environment(KAFKACTL_COMPAT_STATUS="kafka")
            done = cli(line.tool, *words, input=line.input)
        state = equality.describe_state(connected, side) if line.changes else ""
        results.append(equality.make_result(side, done.returncode, done.stdout, done.stderr, state, cluster.brokers))
    return results


def has_same_state_later(cluster: RunningCluster, connected: Cluster) -> bool:
    """Whether both sides come to the same state: with several brokers, one hears of a change later than another."""

    def is_equal() -> bool:
        states = [equality.describe_state(connected, side) for side in equality.SIDES]
        first, second = (
            equality.make_result(side, 0, "", "", state, cluster.brokers)
            for side, state in zip(equality.SIDES, states, strict=True)
        )
        return first == second

    with suppress(AssertionError):
        eventually(is_equal, timeout_s=5)
        return True
    return False


def choose_lines(section: equality.Section) -> list[equality.Line]:
    """The lines that run here: in CI every third wrong line and line of the console tools, and all others.

    Those do not depend on each other. One with an option that no earlier one of these has runs in CI, too.
    """
    if EVERY_CELL or ("wrong" not in section.title and "console" not in section.tool):
        return section.lines
    seen: set[str] = set()
    chosen = []
    for number, line in enumerate(section.lines):
        if number % 3 == 0 or equality.list_options(line) - seen:
            chosen.append(line)
            seen |= equality.list_options(line)
    return chosen


def run_section(cluster: RunningCluster, section: equality.Section, folder: Path) -> list[str]:
    """The lines of a section that are not equal, with what both sides printed."""
    if section.tool not in equality.PLACES_OF_TOOLS:
        prepare(cluster)
    connected = Cluster(resolve(cluster.bootstrap_servers, None, None, ()))
    try:
        wrong = [
            run_and_compare(cluster, line, folder, connected)
            for line in choose_lines(section)
            if cluster.name in line.places
        ]
    finally:
        connected.close()
    return [text for text in wrong if text]


def run_and_compare(cluster: RunningCluster, line: equality.Line, folder: Path, connected: Cluster) -> str:
    """What differs between the two runs of a line; "" where they are equal, or differ as the line says."""
    theirs, ours = run_line(cluster, line, folder, connected)
    names = theirs.differences(ours, bool(line.any_order))
    if "state" in names and has_same_state_later(cluster, connected):
        names.remove("state")
    place = f"line {line.number}: {line.tool} {line.text}"
    if bool(names) == bool(line.differs):
        return ""
    if not names:
        return f"{place}: it is equal, but says that it differs"
    shown = [f"  Kafka: {getattr(theirs, name)!r:.600}\n  ours:  {getattr(ours, name)!r:.600}" for name in names]
    return f"{place}: {', '.join(names)}\n" + "\n".join(shown)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: f"{section.tool}: {section.title}")
def test_one_broker(kraft: RunningCluster, section: equality.Section, folder: Path) -> None:
    found = run_section(kraft, section, folder)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "section",
    [section for section in SECTIONS if section.tool in equality.PLACES_OF_TOOLS],
    ids=lambda section: f"{section.tool}: {section.title}",
)
def test_a_broker_with_an_authorizer(acls: AclBroker, section: equality.Section, folder: Path) -> None:
    if section.tool == "kafka-delegation-tokens":
        make_tokens(acls)
    assert run_section(acls.cluster, section, folder) == []


@pytest.mark.skipif(not EVERY_CELL, reason="make test-long-kafka-style")
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: f"{section.tool}: {section.title}")
@pytest.mark.parametrize("place", ["kraft-cluster", "zookeeper"])
def test_other_clusters(clusters: object, place: str, section: equality.Section, folder: Path) -> None:
    assert callable(clusters)
    assert run_section(clusters(place), section, folder) == []


def list_bad_lines() -> Iterator[equality.Line]:
    """Lines that Kafka's tool does not even try: they need no cluster that is prepared."""
    for section in SECTIONS:
        if "wrong" in section.title:
            yield from section.lines


@pytest.mark.skipif(not EVERY_CELL, reason="make test-long-kafka-style")
def test_bad_lines_never_end_with_0(kraft: RunningCluster, folder: Path) -> None:
    """Where Kafka's tool ends with 0 after an error, Kafka's style ends with another status."""
    prepare(kraft)
    for line in list_bad_lines():
        words = line.words("o", kraft.bootstrap_servers, folder, kraft.controllers)
        done = kraft.cli(line.tool, *words, input=line.input)
        strict = kraft.cli.with_environment(KAFKACTL_COMPAT_STATUS="kafka")(line.tool, *words, input=line.input)
        is_error = bool(re.search(r"error|exception", strict.stdout + strict.stderr, re.IGNORECASE))
        assert done.returncode != 0 or not is_error, line.text


@pytest.mark.parametrize("tool", TOOLS)
def test_every_option_is_tried_twice_and_once_in_a_wrong_line(tool: str) -> None:
    """Each option occurs in two lines at least, and in one of a section of wrong lines. CI runs it once at least."""
    sections = [section for section in SECTIONS if section.tool == tool]
    used = Counter(name for section in sections for line in section.lines for name in equality.list_options(line))
    wrong = {
        name
        for section in sections
        if "wrong" in section.title
        for line in section.lines
        for name in equality.list_options(line)
    }
    in_ci = {name for section in sections for line in choose_lines(section) for name in equality.list_options(line)}
    options = [option.name for option in load_tool(tool).options]
    assert [name for name in options if used[name] < 2] == []
    assert [name for name in options if name not in wrong] == []
    assert [name for name in options if name not in in_ci] == []


def test_a_changed_digit_is_seen() -> None:
    """The masks hide nothing but what they are for."""
    text = "Topic: eqk-t\tTopicId: AAAAAAAAAAAAAAAAAAAAAA\tPartitionCount: 1\nCreateTime:1795712982995 v1\n"
    first = equality.make_result("k", 0, text, "", "")
    for place in re.finditer(r"\d", text):
        changed = f"{text[: place.start()]}{9 - int(place[0])}{text[place.end() :]}"
        second = equality.make_result("k", 0, changed, "", "")
        is_masked = "CreateTime:" in text[: place.start()] and place.start() < text.index(" v1")
        assert bool(first.differences(second, any_order=False)) != is_masked
    assert len((*equality.MASKS, equality.BROKERS)) <= 10
    assert all(mask.reason for mask in equality.MASKS)


def test_the_tables_have_the_options_of_kafkas_classes() -> None:
    """Name, arity, type, label and default of every option are those that Kafka's own classes declare.

    The usages of tools with subcommands name all options; the lines with --help compare them.
    """
    done = java_tools.run_alone(str(Path(__file__).with_name("ToolOptions.java")))
    assert done.returncode == 0, done.stderr
    theirs: dict[str, set[tuple[str, ...]]] = {}
    for row in done.stdout.splitlines():
        tool, name, arity, type_, label, default = row.split("\t")
        if not name:
            assert (arity, type_) == ("abbreviations", "false")
            continue
        kind = type_.rpartition(".")[2] if arity != Arity.NONE else ""
        theirs.setdefault(tool, set()).add((name, arity, kind, label, default))
    for tool in [name for name in TOOLS if not load_tool(name).levels]:
        ours = {
            (
                option.name,
                str(option.arity),
                option.type if option.arity is not Arity.NONE else "",
                option.label,
                option.default or "",
            )
            for option in load_tool(tool).options
        }
        assert ours == theirs[tool], tool


def test_the_tool_that_printed_the_version() -> None:
    from kafkactl.cli.kafka_style.tools import KAFKA_VERSION

    assert java_tools.VERSION == KAFKA_VERSION
