"""One of Kafka's tools as a table of options, and how its command line becomes one of ours."""

from __future__ import annotations

import base64
import importlib
import json
import os
import re
import stat
import string
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kafkactl.cli.kafka_style.doors import TOOLS
from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, OptionError, is_of_type, parse
from kafkactl.cli.kafka_style.subcommands import Level, SubcommandError, format_error, parse_subcommand
from kafkactl.errors import KafkactlError, OperationError, UnreachableError, UnsupportedRequestError, UsageError
from kafkactl.output import people
from kafkactl.patterns import MAX_TOPIC_NAME_LENGTH, compile_quietly, has_name_characters

KAFKA_VERSION = "4.3.1"
KAFKA_COMMIT = "26b251a451ce941d"
"""Release whose tools are mirrored, and its commit; --version prints them."""

TERSE = "org.apache.kafka.tools.TerseException"
EXECUTION = "java.util.concurrent.ExecutionException"
ILLEGAL_ARGUMENT = "java.lang.IllegalArgumentException"
"""Exceptions of Java: one whose message is printed alone, one around the error of a request, and that of a value."""
NO_CLIENT = "Failed to create new KafkaAdminClient"
"""Message of the exception where Kafka's tools cannot make a client from the addresses and settings."""
_ADDRESS = re.compile(r"(?:[a-zA-Z0-9_-]+://)?\[?[0-9a-zA-Z.%:_-]*\]?:([0-9]{1,9})")
_LOOSE_ADDRESS = re.compile(r"(?:[0-9a-zA-Z\-%._]*://)?\[?[0-9a-zA-Z\-%._:]*\]?:([0-9]+)")
"""An address that producer and get-offsets take before they make a client."""
_PROTOCOL = re.compile(r"(?:(?<=[, ])|^)[a-zA-Z0-9_-]+://")
_SERVERS = ("bootstrap-server", "bootstrap-controller")
NOTHING = "(?!)"
"""Regular expression that nothing matches."""
_QUOTED = r"\\Q(.*?)(?:\\E|\Z)"
_ESCAPED_OR_CLASS = r"\\Q.*?(?:\\E|\Z)|\\.|\[\^?\]?[^\]]*\]"
_LONE_BRACE = r"(?<![^(|])\{|\{(?![0-9]+(?:\|[0-9]*)?\})"
"""A brace that repeats nothing. A comma in it has become | already. Texts, because few command lines need them."""
_HEAD_WIDTH, _TEXT_WIDTH = 41, 38
"""Characters of the two columns of the list of options."""


class WrongUsageError(UsageError):
    """A command line that Kafka's tool answers with a message and the list of its options."""


class JavaError(KafkactlError):
    """A failure in the words of Kafka's tool: the message of a Java exception, and its class."""

    def __init__(self, message: str, exception: str, cause: str | None = None, before: str = "") -> None:
        """Take the exception's message, its full class name, and the class of the exception around it or None.

        `before` is what Kafka's tool prints on stdout before it fails, with the line ends. Nothing is printed here.
        """
        super().__init__(message)
        self.exception = exception
        self.cause = cause
        self.before = before

    @property
    def text(self) -> str:
        """Return what Java's getMessage() returns: with an outer exception, the inner one with its class."""
        return f"{self.exception}: {self}" if self.cause else str(self)

    @property
    def first_line(self) -> str:
        """Return the beginning of the stack trace that Java prints: a class name, and behind `: ` the text, if any.

        It has several lines where the message has.
        """
        return f"{self.cause or self.exception}: {self.text}" if self.text else (self.cause or self.exception)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A command line of kafkactl that does what a command line of Kafka's tool asks for."""

    words: Sequence[str]
    """Arguments of kafkactl, with the name of the command first."""
    before: str = ""
    """Text of Kafka's tool for stdout before the command runs."""
    warning: str = ""
    """Text of Kafka's tool for stderr before the command runs."""
    call: str = ""
    """Name of the request in the message about a time-out, such as listTopics."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool of Kafka that kafkactl mirrors."""

    name: str
    """Name of Kafka's script, without .sh."""
    program: str = ""
    """Name in the usage of a tool with subcommands; "" for `name`."""
    main_class: str
    purpose: str
    """Kafka's sentence for --help."""
    purpose_without_words: str | None = None
    """Kafka's sentence for a command line without arguments, where it is another one."""
    options: tuple[Option, ...]
    verbs: tuple[str, ...] = ()
    """Options that choose what the tool does. With one of them the tool may be called by the name of our command."""
    check: Callable[[Arguments], None]
    """Check of the command line before anything is sent. It raises WrongUsageError, OptionError or JavaError.

    It may print what Kafka's tool prints before such an error.
    """
    translate: Callable[[Arguments], Run]
    """Our command line for the arguments. It raises the same errors as `check`."""
    report: Callable[[Arguments, KafkactlError, str], int]
    """Print an error of the command in the words of Kafka's tool, and return Kafka's status. The text is `call`.

    `JavaError.before` is on stdout already.
    """
    levels: tuple[Level, ...] = ()
    """The tool itself and its subcommands, for a tool that has some; `options` are those of all levels then."""
    help_status: int = 1
    """Kafka's status after the help of a tool with subcommands."""
    failure_status: int = 1
    """Kafka's status where the command has printed its errors in Kafka's words itself."""
    differences: tuple[str, ...] = field(default=())
    """Differences that stay and that belong to no option, each a sentence with its reason."""


def load_tool(name: str) -> Tool:
    """Return the tool of a name without .sh. Raise KeyError for a name that is not in TOOLS."""
    tool: Tool = importlib.import_module(f"kafkactl.cli.kafka_style.{TOOLS[name]}").TOOL
    return tool


HELP = Option(name="help", summary="Print this list of options.", target="--help")
VERSION = Option(name="version", summary="Print the version of Kafka whose tool this is.", target="kafkactl version")


def connection_options(server_label: str, config_label: str) -> tuple[Option, ...]:
    """Return the options --bootstrap-server and --command-config, which most tools have.

    `server_label` and `config_label` are Kafka's names of their values.
    """
    return (
        Option(
            name="bootstrap-server", arity=Arity.REQUIRED, label=server_label, target="--bootstrap-server",
            summary="Brokers to connect to first: HOST:PORT, with commas between.",
        ),
        Option(
            name="command-config", arity=Arity.REQUIRED, label=config_label, target="--command-config",
            summary="File of client settings.",
        ),
    )  # fmt: skip


def parse_words(tool: Tool, words: Sequence[str], needs_server: bool = True) -> Arguments:
    """Return the parsed command line of a tool.

    `words` are those behind the tool's name. `needs_server` is whether the address of the cluster must be there. It is
    kept in the result. For a tool without subcommands a missing address is refused by its `check`, not here; types and
    repetitions are only checked when a value is asked for. Raise OptionError for an unknown option, a missing value,
    and an option without those that it belongs to. For a tool with subcommands raise SubcommandError, which is no
    OptionError, for every line that is refused, also for a missing address and a wrong type, and HelpRequestedError or
    VersionRequestedError for --help or --version. For other tools these two are only options in the result.
    """
    if tool.levels:
        arguments = parse_subcommand(tool.program or tool.name, tool.purpose, tool.levels, words, needs_server)
    else:
        arguments = parse(tool.options, words)
    arguments.needs_server = needs_server
    return arguments


def list_options(levels: Iterable[Level]) -> tuple[Option, ...]:
    """Return the options of all levels of a tool, with --help first.

    Each name is there once, with the option of the last level that has it.
    """
    options = {option.name: option for level in levels for option in level.all_options}
    return tuple(options.values())


def report_terse(arguments: Arguments, error: KafkactlError, call: str, tool: str) -> int:
    """Print an error on stderr as a tool with subcommands does, and return its status: 1.

    A SubcommandError has the usage, and the name `tool` before its sentence; a TerseException is one line. Any other
    error, also another wrong command line, has the first line of its stack trace, too. `call` is the name of the
    request, for the text of a time-out. `arguments` is not used.
    """
    if isinstance(error, SubcommandError):
        people.write_kafka_message(format_error(tool, error))
        return 1
    java = convert_error(error, call)
    if java.exception == TERSE:
        people.write_kafka_message(f"{java}\n")
    else:
        people.write_kafka_message(f"{java.text}\n{java.first_line}\n\n")
    return 1


def require_options(arguments: Arguments, *names: str) -> None:
    """Raise WrongUsageError for the first of these options that is missing.

    `names` have no dashes. --bootstrap-server may be missing where a context may be used.
    """
    for name in names:
        if name == "bootstrap-server" and not arguments.needs_server:
            continue
        if not arguments.has(name):
            raise WrongUsageError(f'Missing required argument "[{name}]"')


def refuse_together(arguments: Arguments, used: str, others: Iterable[str]) -> None:
    """Raise WrongUsageError where an option is there together with one of the others, for the first of these.

    The names have no dashes.
    """
    if arguments.has(used):
        for other in others:
            if arguments.has(other):
                raise WrongUsageError(f'Option "[{used}]" can\'t be used with option "[{other}]"')


def translate_values(arguments: Arguments, *names: str) -> list[str]:
    """Return our options --NAME=VALUE for the values of these options, which have the same names.

    They have the order of `names`, which have no dashes. An option without a value has its default; without a default
    it is left out, also where it is on the command line. The protocol before an address of brokers or controllers is
    left out, as Java ignores it. Raise OptionError for an option given twice, and for a value that does not have the
    option's type; KeyError for an option that the tool lacks.
    """
    values = {name: arguments.value(name) for name in names}
    values |= {name: _PROTOCOL.sub("", str(values[name])) for name in _SERVERS if values.get(name) is not None}
    return [f"--{name}={value}" for name, value in values.items() if value is not None]


def translate_connection(arguments: Arguments) -> list[str]:
    """Return our options for --bootstrap-server and --command-config, without those that are not given.

    Raise OptionError for an option given twice.
    """
    return translate_values(arguments, "bootstrap-server", "command-config")


def require_servers(arguments: Arguments, before: str = "") -> None:
    """Raise JavaError for an address of --bootstrap-server or --bootstrap-controller that is not HOST:PORT.

    An empty address is refused, too, and a port above 65535, but not an empty HOST; the host is not looked up. Where
    both options are there, only --bootstrap-controller is checked. Raise OptionError where the option is there several
    times. Without the options nothing is raised. `before` is the error's text for stdout.
    """
    option = "bootstrap-controller" if arguments.has("bootstrap-controller") else "bootstrap-server"
    servers = arguments.value(option)
    if servers is None:
        return
    addresses = split_addresses(servers, before)
    if not addresses or not all(map(_is_address, addresses)):
        raise JavaError(NO_CLIENT, "org.apache.kafka.common.KafkaException", before=before)


def require_form_of_addresses(servers: str) -> None:
    """Raise WrongUsageError for no address, and for one that is not HOST:PORT; the port is a number up to 2^31 - 1.

    HOST may be empty. Source: ToolsUtils.validateBootstrapServer() of Kafka.
    """
    if not servers.strip():
        raise WrongUsageError("Error while validating the bootstrap address\n")
    for server in servers.split(","):
        address = _LOOSE_ADDRESS.fullmatch(server.strip())
        if address is None:
            raise WrongUsageError("Please provide valid host:port like host1:9091,host2:9092\n")
        if not is_of_type(address[1], "Integer"):
            raise WrongUsageError(f'For input string: "{address[1]}"')


def split_addresses(servers: str, before: str = "") -> list[str]:
    """Return the addresses of a list with commas, without blanks around them; none for a text that is blank.

    Raise JavaError, with `before` as its text for stdout, where one of several is empty.
    """
    if not servers.strip():
        return []
    addresses = [text.strip() for text in servers.split(",")]
    if "" in addresses:
        reason = "Configuration 'bootstrap.servers' values must not be empty."
        raise JavaError(reason, "org.apache.kafka.common.config.ConfigException", before=before)
    return addresses


def _is_address(text: str) -> bool:
    """Return whether a text is HOST:PORT with a port of 16 bits; the host may be empty.

    A protocol, and [ ] around the host, may be there. The host is not looked up.
    """
    found = _ADDRESS.fullmatch(text)
    return found is not None and int(found[1]) < 1 << 16


def require_file(path: str | None, before: str = "", cause: str | None = None) -> None:
    """Raise JavaError for a file that does not exist or cannot be read, and for a folder; None is no file.

    An empty path is a folder, as for Java. `before` and `cause` are those of the error.
    """
    if path is None:
        return
    path = path or "."
    if not os.path.exists(path):
        raise JavaError(path, "java.nio.file.NoSuchFileException", cause, before)
    if os.path.isdir(path):
        raise JavaError("Is a directory", "java.io.IOException", cause, before)
    if not os.access(path, os.R_OK):
        raise JavaError(path, "java.nio.file.AccessDeniedException", cause, before)


def parse_principals(arguments: Arguments, option: str) -> list[str]:
    """Return the principals of an option without blanks around them; an empty list without any.

    `option` has no dashes; each of its values is one principal, of which only the colon is checked. Raise JavaError for
    one without a colon, as in TYPE:NAME.
    """
    names = [text.strip() for text in arguments.values(option)] if arguments.has(option) else []
    for name in names:
        if ":" not in name:
            reason = f"expected a string in format principalType:principalName but got {name}"
            raise JavaError(reason, ILLEGAL_ARGUMENT)
    return names


def read_once(path: str) -> tuple[bytes, bool]:
    """Return the content of a file, and whether our commands find it again at `path`. Raise OSError.

    They do not for a pipe, and for a file of the name `-`, which is standard input for them.
    """
    with open(path, "rb") as file:
        return file.read(), path != "-" and stat.S_ISREG(os.fstat(file.fileno()).st_mode)


def parse_json(content: bytes) -> tuple[Any, bytes]:
    """Return the document of a JSON file, and the content without what stands behind it, which Java does not read.

    Where only blanks stand behind it, the content is returned as it is. Raise ValueError for a content that does not
    begin with JSON in UTF-8, also for a byte order mark, and RecursionError for one that is nested too deeply.
    """
    text = content.decode("utf-8").lstrip()
    document, end = json.JSONDecoder().raw_decode(text)
    return document, text[:end].encode() if text[end:].strip() else content


def dump_json(value: Any, separators: tuple[str, str] | None = None, ensure_ascii: bool = True) -> str:
    """Return a value of JSON as json.dumps() writes it, for a message; "..." for one that is nested too deeply."""
    try:
        return json.dumps(value, separators=separators, ensure_ascii=ensure_ascii)
    except RecursionError:  # the parser has a little more room than the writer
        return "..."


def is_json_of_type(value: Any, kind: str) -> bool:
    """Return whether a value of JSON is of Java's type `kind`: String, or Integer or Long, with 32 or 64 bits."""
    if kind == "String":
        return isinstance(value, str)
    bound = 1 << (31 if kind == "Integer" else 63)
    return type(value) is int and -bound <= value < bound


def keep_json(path: str, content: bytes, alone: bytes, is_regular: bool) -> str:
    """Return the path of a file that has only the JSON of another one: `path` itself, or a copy as of keep_copy().

    `content` and `is_regular` are the results of read_once(), and `alone` that of parse_json(). Raise KafkactlError
    where the copy cannot be written.
    """
    return path if is_regular and alone == content else keep_copy(alone)


def keep_copy(content: bytes) -> str:
    """Return the path of a nameless file with this content, which stays open until the process ends.

    The path is /dev/fd/NUMBER, so only this process can open it, also several times; it cannot be removed. Raise
    KafkactlError where the file cannot be written.
    """
    import tempfile  # few command lines need it

    try:
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            return f"/dev/fd/{os.dup(file.fileno())}"
    except OSError as error:
        raise KafkactlError(
            f"cannot write a temporary copy: {error.strerror}", "name another folder: TMPDIR=FOLDER"
        ) from error


def parse_include_list(text: str) -> str:
    r"""Return the regular expression of a list of topics, as Kafka's IncludeList makes it: commas mean "or".

    All spaces, and all quotes at both ends, are removed. An empty list matches no topic. A comma in {1,2} becomes |,
    too. Java's \Q...\E and (?<name>...) become those of Python. The expression is meant for the whole name, but has no
    anchors. Raise JavaError for one that Python refuses, even if Java takes it, and for a brace or a [ that only Java
    refuses.
    """
    regex = text.strip().replace(",", "|").replace(" ", "").lstrip("\"'").rstrip("\"'")
    try:
        if re.search(_LONE_BRACE, re.sub(_ESCAPED_OR_CLASS, "x", regex)):
            raise re.error("Java takes a brace for a repetition")
        translated = re.sub(_QUOTED, lambda match: re.escape(match[1]), regex)
        translated = translated.replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!")
        compile_quietly(translated)
        if not _are_classes_closed(regex):
            raise re.error("Java takes [ in a class for a class in it")
    except re.error:
        raise JavaError(f"{regex} is an invalid regex.", "java.lang.RuntimeException") from None
    return translated or NOTHING


def split_as_java(text: str, separator: str = ",") -> list[str]:
    """Return the parts of a text as String.split does: empty ones at the end are left out, so "," has no parts.

    An empty text has one part, which is empty.
    """
    parts = text.split(separator)
    while len(parts) > 1 and parts[-1] == "":
        parts.pop()
    return [] if text and parts == [""] else parts


def decode_as_java(text: str, extra_digits: str = "+/") -> bytes:
    """Return the bytes of a text in base64, as Java's decoder reads it; raise JavaError for a text that it refuses.

    `extra_digits` are the last two of the 64, such as -_ in a topic id. The text may lack its padding; an empty one has
    no bytes. Line ends and blanks are refused. Of the text, the messages have at most the code of one character that is
    wrong.
    """
    data = text.encode("latin-1", "replace")
    if len(data) == 1:
        raise JavaError("Input byte[] should at least have 2 bytes for base64 bytes", ILLEGAL_ARGUMENT)
    allowed_digits = (string.ascii_letters + string.digits + extra_digits).encode()
    digits = bytearray()
    end = 0
    for end, byte in enumerate(data, 1):
        if byte == ord("="):
            unit = len(digits) % 4
            if unit == 0 or (unit == 2 and data[end : end + 1] != b"="):
                raise JavaError("Input byte array has wrong 4-byte ending unit", ILLEGAL_ARGUMENT)
            end += unit == 2
            break
        if byte not in allowed_digits:
            shown = byte if byte < 1 << 7 else byte - (1 << 8)
            raise JavaError(f"Illegal base64 character {shown:x}", ILLEGAL_ARGUMENT)
        digits.append(byte)
    if len(digits) % 4 == 1:
        raise JavaError("Last unit does not have enough valid bits", ILLEGAL_ARGUMENT)
    if end < len(data):
        raise JavaError(f"Input byte array has incorrect ending byte at {end}", ILLEGAL_ARGUMENT)
    return base64.b64decode(bytes(digits) + b"=" * (-len(digits) % 4), extra_digits.encode())


def explain_illegal_name(name: str) -> str | None:
    """Return why no topic can have a name, in the broker's words, or None for a legal one."""
    if name == "":
        return "the empty string is not allowed"
    if name in (".", ".."):
        return f"'{name}' is not allowed"
    if len(name) > MAX_TOPIC_NAME_LENGTH:
        return f"the length of '{name}' is longer than the max allowed length {MAX_TOPIC_NAME_LENGTH}"
    if not has_name_characters(name):
        return f"'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    return None


def _are_classes_closed(regex: str) -> bool:
    r"""Return whether each [ has its ], also inside other brackets, as Java reads classes of characters.

    Brackets behind a backslash or in \Q...\E do not count, nor does a ] without its [. A ] directly behind [ or [^
    closes it here, but not in Java.
    """
    depth = 0
    for bracket in re.findall(r"(?s)\\Q.*?(?:\\E|\Z)|\\.|[\[\]]", regex):
        depth += (bracket == "[") - (bracket == "]" and depth > 0)
    return depth == 0


def print_stack(error: JavaError) -> None:
    """Write an exception's message, the first line of its stack trace and an empty line to stderr."""
    people.write_kafka_message(f"{error}\n{error.first_line}\n\n")


def print_usage(message: str, options: Sequence[Option]) -> None:
    """Write a message and the list of a tool's options, sorted by name, to stderr."""
    people.write_kafka_message(f"{message}\n{format_options(options)}")


def is_unknown_host(error: KafkactlError) -> bool:
    """Return whether an error says that the name of a host cannot be looked up.

    Kafka's tools make no client where this is so for all hosts of --bootstrap-server. Here one host may be enough,
    even where another one has an address.
    """
    return isinstance(error, UnreachableError) and "Failed to resolve" in str(error)


def convert_error(error: KafkactlError, call: str) -> JavaError:
    """Return (not raise) an error of kafkactl as the Java exception that Kafka's client raises in its place.

    A JavaError stays; a MirroredError and an OptionError keep their message and exception. An UnreachableError becomes
    a TimeoutException about the request `call`, or a KafkaException where the name of a host cannot be looked up.
    UnsupportedRequestError becomes an UnsupportedVersionException, where the request is known. An error with a code of
    Kafka becomes the exception of this code, and any other, also with an unknown code, an IllegalArgumentException.
    """
    from kafkactl.connection.broker_errors import BROKER_ERRORS
    from kafkactl.output.kafka.java_errors import MirroredError, find_java_message

    if isinstance(error, JavaError):
        return error
    if isinstance(error, MirroredError):
        return JavaError(str(error), error.exception, error.cause)
    if isinstance(error, OptionError):
        return JavaError(str(error), error.exception)
    if isinstance(error, UnreachableError):
        if is_unknown_host(error):
            return JavaError(NO_CLIENT, "org.apache.kafka.common.KafkaException")
        return JavaError(
            f"Timed out waiting for a node assignment. Call: {call}", "org.apache.kafka.common.errors.TimeoutException"
        )
    if isinstance(error, UnsupportedRequestError) and error.request is not None:
        reason = f"The node does not support {re.sub('(?<!^)(?=[A-Z])', '_', error.request).upper()}"
        if error.supported_versions is not None:
            lowest, highest = error.needed_versions
            supported = "[{},{}]".format(*error.supported_versions)
            reason += f" with version in range [{lowest},{highest}]. The supported range is {supported}."
        return JavaError(reason, "org.apache.kafka.common.errors.UnsupportedVersionException")
    if isinstance(error, OperationError) and error.code in BROKER_ERRORS:
        text = find_java_message(error.code, error.reason)
        return JavaError(text, BROKER_ERRORS[error.code].exception_class)
    return JavaError(str(error), ILLEGAL_ARGUMENT)


def wrap_error(error: KafkactlError, call: str) -> JavaError:
    """Return (not raise) the Java exception of an error, as convert_error does, inside an ExecutionException.

    It has none around it where the name of a host cannot be looked up: no request was made. The result has no `before`,
    also where that of a JavaError has text.
    """
    java = convert_error(error, call)
    return JavaError(str(java), java.exception, None if is_unknown_host(error) else EXECUTION)


def format_options(options: Sequence[Option]) -> str:
    """Return the list of a tool's options in two columns, sorted by name, with our descriptions.

    It begins with a heading, and each line has its end.
    """
    lines = [f"{'Option':<{_HEAD_WIDTH}}Description", f"{'------':<{_HEAD_WIDTH}}-----------"]
    for option in sorted(options, key=lambda option: option.name):
        value = f"{option.type}: {option.label}" if option.label else option.type
        head = f"--{option.name}"
        if option.arity is not Arity.NONE:
            head += f" <{value}>" if option.arity is Arity.REQUIRED else f" [{value}]"
        text = option.summary + (f" (default: {option.default})" if option.default else "")
        heads = textwrap.wrap(head, _HEAD_WIDTH - 2, subsequent_indent="  ")
        texts = textwrap.wrap(text, _TEXT_WIDTH, subsequent_indent="  ")
        for number in range(max(len(heads), len(texts))):
            left = heads[number] if number < len(heads) else ""
            right = texts[number] if number < len(texts) else ""
            lines.append(f"{left:<{_HEAD_WIDTH}}{right}".rstrip())
    return "".join(f"{line}\n" for line in lines)
