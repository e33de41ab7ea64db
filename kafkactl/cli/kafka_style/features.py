"""kafka-features: its options, and `kafkactl features` in its place.

Reference: org.apache.kafka.tools.FeatureCommand.
"""

from __future__ import annotations

from collections.abc import Iterator

from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option, State, is_of_type
from kafkactl.cli.kafka_style.subcommands import SERVERS, SETTINGS_FILE, Level, SubcommandError
from kafkactl.cli.kafka_style.tools import (
    TERSE,
    JavaError,
    Run,
    Tool,
    convert_error,
    list_options,
    require_file,
    require_servers,
    translate_values,
    wrap_error,
)
from kafkactl.errors import KafkactlError, OperationError, UnreachableError
from kafkactl.output import people

_METADATA = "metadata.version"
_DEPRECATED = " `metadata` flag is deprecated and may be removed in a future release.\n"
_OFFLINE = ("version-mapping", "feature-dependencies")
_FEATURE = Option(
    name="feature", arity=Arity.REQUIRED, target="FEATURE=LEVEL", summary="Feature and level; repeatable.",
    state=State.DIFFERENT, note="Levels are at most 32767, and whole numbers in ASCII digits.",
)  # fmt: skip
_RELEASE = Option(
    name="release-version", arity=Arity.REQUIRED, target="--release-version",
    summary="Levels that this release sets.",
)  # fmt: skip
_METADATA_FLAG = Option(
    name="metadata", arity=Arity.REQUIRED, target="metadata.version=VERSION", summary="The old way to set its level.",
)  # fmt: skip
_UNSAFE = Option(name="unsafe", target="--unsafe", summary="Go down also where metadata is lost.")
_DRY_RUN = Option(name="dry-run", target="--dry-run", summary="Let the controller check the change.")
LEVELS = (
    Level(
        options=(SETTINGS_FILE,),
        exclusive=SERVERS,
    ),
    Level(
        name="describe",
        summary="Show the features.",
        options=(
            Option(
                name="node-id", arity=Arity.REQUIRED, type="Integer", target="--node-id", summary="Node to ask.",
                state=State.DIFFERENT,
                note="A node that is not alive is an error at once; Kafka's tool waits for a minute.",
            ),
        ),
    ),
    Level(
        name="upgrade",
        summary="Raise levels.",
        options=(_METADATA_FLAG, _RELEASE, _FEATURE, _DRY_RUN),
        repeatable=("feature",),
    ),
    Level(
        name="downgrade",
        summary="Lower levels.",
        options=(_METADATA_FLAG, _RELEASE, _FEATURE, _UNSAFE, _DRY_RUN),
        repeatable=("feature",),
    ),
    Level(
        name="disable",
        summary="Set levels to 0.",
        options=(_FEATURE, _UNSAFE, _DRY_RUN),
        repeatable=("feature",),
    ),
    Level(name="version-mapping", summary="Show the levels that a release sets.", options=(_RELEASE,)),
    Level(
        name="feature-dependencies",
        summary="Show what levels need.",
        options=(_FEATURE,),
        required=("feature",),
        repeatable=("feature",),
    ),
)  # fmt: skip


class CommandLineError(JavaError):
    """An error that Kafka's tool prints as one of its command line."""

    def __init__(self, message: str) -> None:
        """Take the sentence."""
        super().__init__(message, TERSE)


def check(arguments: Arguments) -> None:
    """Raise CommandLineError for a missing address, and JavaError for a wrong address, file, release, feature or level.

    JavaError is also for --release-version beside --metadata or --feature, and for upgrade, downgrade and disable
    without a release or a feature, or with a feature twice. A level of --feature must be a number from 0 to 32767, but
    disable takes names without a level; whether Kafka knows the feature and the level is checked only for
    feature-dependencies. --metadata and --release-version must be a release or a name such as 4.3-IV0. The address may
    be missing where the arguments do not need it; the subcommands that need no cluster look at neither it nor the file.
    The errors come in the order of Kafka's tool.
    """
    file = arguments.value("command-config")
    is_offline = arguments.command in _OFFLINE
    if not is_offline:
        require_file(file)
        if arguments.needs_server and not arguments.has("bootstrap-server", "bootstrap-controller"):
            raise CommandLineError("You must specify either --bootstrap-controller or --bootstrap-server.")
        require_servers(arguments)
    release = arguments.value("release-version") if arguments.command not in ("disable", "describe") else None
    before = _DEPRECATED if arguments.has("metadata") else ""
    if release is not None and arguments.has("metadata", "feature"):
        raise JavaError("Can not specify `release-version` with other feature flags.", TERSE)
    for text in (release, arguments.value("metadata") if arguments.has("metadata") else None):
        _require_version(text, before)
    if arguments.command == "describe" or (is_offline and arguments.command == "version-mapping"):
        return
    if arguments.command == "feature-dependencies":
        _check_levels(arguments)
        return
    names = list(_read_names(arguments, before))
    if release is None and not names:
        raise JavaError(f"You must specify at least one feature to {arguments.command}", TERSE)


def _require_version(text: str | None, before: str) -> None:
    """Raise JavaError for a text that is no release and no name such as 4.3-IV0 that Kafka 4.3.1 knows; None passes.

    Of a release only the first two numbers count: 4.3.99 passes. The number of a level is refused, too. `before` is
    what is on stdout before.
    """
    from kafkactl.admin.metadata_versions import SUPPORTED_NAMES, find_level

    if text is not None and find_level(text) is None:
        reason = f"Unknown metadata.version '{text}'. Supported metadata.version are: {', '.join(SUPPORTED_NAMES)}"
        raise JavaError(reason, TERSE, before=before)


def _read_names(arguments: Arguments, before: str) -> Iterator[str]:
    """Yield the names of the features of --metadata (as metadata.version) and --feature, without blanks around them.

    With disable a name is the whole text as it stands. While the names are read, raise JavaError, with `before` as its
    text for stdout, for a feature that stands twice, and, except for disable, for a text that is not NAME=LEVEL and a
    level that is no number from 0 to 32767.
    """
    names = set()
    for text in ([f"{_METADATA}=1"] if arguments.has("metadata") else []) + arguments.values("feature"):
        name, level = (text, 0) if arguments.command == "disable" else _read_level(text, before)
        if level < 0:
            raise JavaError("Cannot specify a negative version level.", TERSE, before=before)
        if name in names:
            raise JavaError(f"Feature {name} was specified more than once.", TERSE, before=before)
        names.add(name)
        yield name


def _read_level(text: str, before: str = "") -> tuple[str, int]:
    """Return the feature and the level of a text NAME=LEVEL, without blanks around them; the level may be negative.

    Raise JavaError, with `before` as its text for stdout, for a text without an equals sign and a level that is no
    Short.
    """
    name, equals, level = (part.strip() for part in text.partition("="))
    if not equals:
        raise JavaError(f"Can't parse feature=level string {text}: equals sign not found.", TERSE, before=before)
    if not is_of_type(level, "Short"):
        reason = f"Can't parse feature=level string {text}: unable to parse {level} as a short."
        raise JavaError(reason, TERSE, before=before)
    return name, int(level)


def _check_levels(arguments: Arguments) -> None:
    """Raise JavaError for the first --feature that is not NAME=LEVEL, or that Kafka 4.3.1 does not know at this level.

    A feature may stand twice.
    """
    from kafkactl.admin.features import KNOWN_LEVELS
    from kafkactl.admin.metadata_versions import find_metadata_version

    for text in arguments.values("feature"):
        name, level = _read_level(text)
        if name == _METADATA:
            if find_metadata_version(level) is None:
                raise JavaError(f"Unknown metadata.version {level}", TERSE)
        elif name not in KNOWN_LEVELS:
            raise JavaError(f"Unknown feature: {name}", TERSE)
        elif level not in KNOWN_LEVELS[name]:
            raise JavaError(f"No feature:{name} with feature level {level}", TERSE)


def translate(arguments: Arguments) -> Run:
    """Return the command of `kafkactl features`, which asks for no confirmation.

    The command line must have passed `check`. Kafka's warning about --metadata is in the result's `before`, for stdout.
    Nothing is checked here, and no error is raised.
    """
    verb = arguments.command
    words = ["features", "dependencies" if verb == "feature-dependencies" else verb, "-o", "kafka"]
    if verb not in _OFFLINE:
        words += translate_values(arguments, "bootstrap-server", "bootstrap-controller", "command-config")
    if verb == "describe":
        return Run(words=[*words, *translate_values(arguments, "node-id")], call="describeFeatures")
    if arguments.has("release-version"):
        words += translate_values(arguments, "release-version")
    if verb not in _OFFLINE:
        words += ["--unsafe"] if arguments.has("unsafe") else []
        words.append("--dry-run" if arguments.has("dry-run") else "--yes")
    features = [f"{_METADATA}={arguments.value('metadata')}"] if arguments.has("metadata") else []
    for text in arguments.values("feature"):
        name, _, level = (part.strip() for part in text.partition("="))
        features.append(text if verb == "disable" else f"{name}={int(level)}")
    before = _DEPRECATED if arguments.has("metadata") else ""
    return Run(words=[*words, *(["--", *features] if features else [])], before=before, call="updateFeatures")


def report(arguments: Arguments, error: KafkactlError, call: str) -> int:
    """Print an error on stderr as kafka-features does, and return its status: 1.

    A SubcommandError and a CommandLineError begin with "Command line error: " and have no line end; every other error
    is one line with its end. `call` is the name of the request, for the text of a time-out.
    """
    if isinstance(error, (SubcommandError, CommandLineError)):
        people.write_kafka_message(f"Command line error: {error}. Type --help for help.")
        return 1
    if isinstance(error, (UnreachableError, OperationError)) and getattr(error, "code", 0) is not None:
        error = wrap_error(error, call)
    people.write_kafka_message(f"{convert_error(error, call).text}\n")
    return 1


TOOL = Tool(
    name="kafka-features",
    main_class="org.apache.kafka.tools.FeatureCommand",
    purpose="This tool manages feature flags in Kafka.",
    options=list_options(LEVELS),
    levels=LEVELS,
    help_status=0,
    check=check,
    translate=translate,
    report=report,
    differences=("A misspelt subcommand or option is refused without a proposal.",),
)
