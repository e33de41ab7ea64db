"""Command lines of Kafka's tools, run by Kafka's tool and by ours: what both print, return and change.

`kafka_lines.txt` has the lines. In a line `@` stands for the side, so that each side changes things of its own, and the
lines of a section run in their order. What differs only because the two runs are two runs is replaced by MASKS.
"""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from kafkactl.admin import configs, offsets, quotas, scram
from kafkactl.admin.acls import requests as acls
from kafkactl.admin.entities import EntityType
from kafkactl.admin.groups import descriptions as groups
from kafkactl.admin.topics import descriptions
from kafkactl.cli.kafka_style.doors import TOOLS
from kafkactl.connection.cluster import Cluster
from kafkactl.errors import OperationError, UnsupportedRequestError

LINES = Path(__file__).with_name("kafka_lines.txt")
DATA = Path(__file__).parents[1] / "data"
SIDES = ("k", "o")
"""What `@` becomes for Kafka's tool and for ours."""
SECURITY_DISABLED = 54
"""What a cluster without an authorizer answers to a question for its rules."""
INVALID_REQUEST = 42
"""What a broker of ZooKeeper answers to a question for the settings of a group."""
PLACES = ("kraft", "kraft-cluster", "zookeeper")
PLACES_OF_TOOLS = {"kafka-acls": ("acls",), "kafka-delegation-tokens": ("acls",)}
"""Tools that need a cluster of their own: one with an authorizer and logins."""


@dataclass(frozen=True)
class Mask:
    """A part of the output that differs between two right runs."""

    reason: str
    pattern: str
    replacement: str | Callable[[re.Match[str]], str] = ""


def _sort_names(names: re.Match[str]) -> str:
    return ", ".join(sorted(names[0].split(", ")))


MASKS = (
    Mask(
        "a stack trace of Java: kafkactl prints its first line",
        r"(?m)^(\tat .*|\t\.\.\. .*|(Caused by|\tSuppressed): .*(\n at \[.*)?)\n",
    ),
    Mask(
        "descriptions of options are our own sentences",
        r"(?ms)^(Option +Description|positional arguments:$|optional arguments:$).*",
        "<options>",
    ),
    Mask("Kafka's logger is off in the tests; its warnings and ours differ", r"(?m)^(warning: |ERROR ).*\n"),
    Mask(
        "each topic and token has an id of its own, and kafkactl does not repeat the secret of a token",
        r"(?<=TopicId: )[A-Za-z0-9_-]{22}|(?<=tokenId : )[A-Za-z0-9_-]{22}|(?<=with hmac :)\S*(?= ,)"
        r"|(?m:^[A-Za-z0-9_-]{22} [A-Za-z0-9+/]{86}==(?= ))",
        "<id>",
    ),
    Mask("Java prints a set of options in any order", r"\[[a-z-]+\](, \[[a-z-]+\])+", _sort_names),
    Mask(
        "Java prints a set of states or operations in any order",
        r"(?<=Valid states are: ).*|(?<=only supports operations \[)[A-Z_, ]+",
        _sort_names,
    ),
    Mask(
        "the time of a run, and positions in the metadata log, which grows by itself",
        r"(?<=CreateTime:)\d{13}|(?<=\t)\d{13} *\t\d+ *(?=\t)"
        r"|(?<=HighWatermark:          )\d+|(?<=Epoch: )\d+|(?<=MaxFollowerLagTimeMs:   )\d+"
        r"|(?<=MaxFollowerLag:         )\d+|(?<=[\w-]{22}\t)\d+ *\t\d+ *\t\d[^\t]*\t\d[^\t]*"
        r"|(?<= )\d{4}-\d\d-\d\dT\d\d:\d\d(?=\s|$)",
        lambda found: measure_distance(found[0]) if "T" in found[0] else "<time>",
    ),
    Mask("names of both sides are listed", r"\beq[ko](?=[.-])", "eq@"),
    Mask("ids of members end in a UUID", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>"),
)


def measure_distance(date: str) -> str:
    """The time from now to a date of this machine's time zone, in whole hours."""
    seconds = (datetime.fromisoformat(date) - datetime.now()).total_seconds()
    return f"<now {round(seconds / 3600):+} h>"


BROKERS = Mask(
    "several brokers: they choose leaders, replicas and coordinators at random, and answer in any order",
    r"(?<=\t)(Leader|Replicas|Isr): [\d,]+|\S+:\d+ +\(\d\) *|(?<=request sent to broker )\d+",
    "<brokers>",
)


def apply_masks(text: str, brokers: int = 1) -> str:
    """The text with the volatile parts replaced."""
    for mask in (*MASKS, *([BROKERS] if brokers > 1 else [])):
        text = re.sub(mask.pattern, mask.replacement, text)
    return text


@dataclass(frozen=True)
class Line:
    """A command line of one of Kafka's tools."""

    number: int
    """In the file, from 1."""
    tool: str
    text: str
    input: str = ""
    any_order: str = ""
    """Why the lines of the output may have any order; "" where the order counts."""
    between: str = ""
    """A command line of kafkactl that undoes, between the two runs, what the first has changed; "" for none."""
    differs: str = ""
    """The difference that stays, as docs/from-kafka-tools.md has it; "" for none."""
    places: tuple[str, ...] = PLACES
    with_server: bool = True

    def words(
        self, side: str, bootstrap: str, folder: Path, controllers: str = "c:1", logins: str = "l:1", hmac: str = "aaaa"
    ) -> list[str]:
        """The arguments for one side.

        `bootstrap`, `controllers` and `logins` are the addresses for {b}, {c} and {login}; `hmac` is that of a token.
        """
        text = (
            self.text.replace("@", side)
            .replace("{login}", f"--bootstrap-server {logins} --command-config {{dir}}/carol.properties")
            .replace("{hmac}", hmac)
            .replace("{b}", bootstrap)
            .replace("{c}", controllers)
            .replace("{dir}", str(folder))
            .replace("{logs}", str(DATA))
        )
        server = ["--bootstrap-server", bootstrap] if self.with_server else []
        return [*server, *shlex.split(text)]

    @property
    def changes(self) -> bool:
        """Whether each side has names of its own."""
        return "@" in self.text


def list_options(line: Line) -> set[str]:
    """The options that a line has, without dashes."""
    names = {word.lstrip("-").partition("=")[0] for word in shlex.split(line.text) if word.startswith("-")}
    return names | ({"bootstrap-server"} if line.with_server else set())


@dataclass
class Section:
    """Lines that run in their order, on names that no other section uses."""

    title: str
    tool: str
    lines: list[Line] = field(default_factory=list)


def read_lines(text: str) -> Iterator[Section]:
    """The sections of a file of lines.

    {b} and {c} are the addresses of brokers and of controllers, {login} are the options for a connection with a login,
    and {hmac} is the HMAC of a token. A section begins with `[tool] title`. A line may end in
    `<<< INPUT`, where \\n is a line end, and in `;; word: text` for `any order`, `between`, `differs` and `on`. A line
    that begins with `!` has no --bootstrap-server added.
    """
    section = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"\[([a-z-]+)\] (.+)", line):
            if section is not None:
                yield section
            assert heading[1] in TOOLS, line
            section = Section(heading[2], heading[1])
            continue
        assert section is not None, line
        section.lines.append(_read_line(number, section.tool, line))
    assert section is not None
    yield section


def _read_line(number: int, tool: str, line: str) -> Line:
    body, *notes = line.split(" ;; ")
    marks = dict(note.split(": ", 1) for note in notes)
    assert not marks.keys() - {"any order", "between", "differs", "on"}, line
    body, _, given = body.partition(" <<< ")
    places = tuple(marks["on"].split()) if "on" in marks else PLACES_OF_TOOLS.get(tool, PLACES)
    return Line(
        number,
        tool,
        body.removeprefix("!").strip(),
        given.encode().decode("unicode_escape"),
        marks.get("any order", ""),
        marks.get("between", ""),
        marks.get("differs", ""),
        places,
        not body.startswith("!") and tool != "kafka-dump-log",
    )


@functools.cache
def sections() -> tuple[Section, ...]:
    """All sections of the file."""
    return tuple(read_lines(LINES.read_text()))


@dataclass(frozen=True)
class Result:
    """What a run printed, returned and left behind, without what is volatile."""

    status: int
    stdout: str
    stderr: str
    state: str

    def differences(self, other: Result, any_order: bool) -> list[str]:
        """Names of the parts in which two runs differ."""
        arrange: Callable[[str], Sequence[str]] = (
            (lambda text: sorted(line.lstrip(" ") for line in text.split("\n"))) if any_order else str.splitlines
        )
        names = [name for name in ("stdout", "stderr") if arrange(getattr(self, name)) != arrange(getattr(other, name))]
        return names + [name for name in ("status", "state") if getattr(self, name) != getattr(other, name)]


def make_result(side: str, status: int, stdout: str, stderr: str, state: str, brokers: int = 1) -> Result:
    """The result of one side's run; its names have `@` again."""
    clean = [apply_masks(re.sub(rf"\beq{side}(?=[.-])", "eq@", text), brokers) for text in (stdout, stderr, state)]
    return Result(status, *clean)


def describe_state(cluster: Cluster, side: str) -> str:
    """Everything of one side on a cluster, as text: topics with settings and ends, groups, quotas and credentials."""
    own = f"eq{side}-"
    described, _ = descriptions.describe_in_full(
        cluster, [row.topic for row in descriptions.list_topics(cluster) if row.topic.startswith(own)]
    )
    lines = []
    for topic in described:
        settings = {setting.name: setting.value for setting in topic.settings if not setting.is_default}
        lines.append(f"{topic.topic} {[len(row.replicas) for row in topic.partitions]} {settings}")
    partitions = [(row.topic, row.partition) for topic in described for row in topic.partitions]
    for partition, ends in sorted(offsets.read_log_ends(cluster, partitions).items() if partitions else ()):
        lines.append(f"{partition} {ends.start.offset} {ends.end.offset}")
    names = [group.group for group in groups.list_groups(cluster).groups if group.group.startswith(own)]
    for name, commits in sorted(groups.read_committed_offsets(cluster, names).items() if names else ()):
        lines.append(f"{name} {sorted((partition, commit.offset) for partition, commit in commits.items())}")
    for kind in (EntityType.GROUPS, EntityType.CLIENT_METRICS):
        try:
            entities = [item for item in configs.list_entities(cluster, kind) if (item.name or "").startswith(own)]
            described = configs.describe_configs(cluster, entities) if entities else {}
        except OperationError as error:
            if isinstance(error, UnsupportedRequestError) or error.code == INVALID_REQUEST:
                continue  # with ZooKeeper neither has settings
            raise
        for entity, settings in described.items():
            lines.append(f"{entity} {sorted((row.name, row.value) for row in settings if row.is_own)}")
    try:
        lines += [f"{acl}" for acl in acls.list_acls(cluster) if own in f"{acl}"]
    except OperationError as error:
        if error.code != SECURITY_DISABLED:
            raise
    lines += [f"{each}" for each in quotas.describe_quotas(cluster) if own in f"{each.user} {each.client_id}"]
    lines += [f"{each}" for each in scram.describe_credentials(cluster) if each.user.startswith(own)]
    return "".join(f"{line}\n" for line in lines)
