"""What kafka-console-producer and kafka-console-consumer share: client settings, and options with two names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from kafkactl.cli.kafka_style.parser import Arguments, OptionError
from kafkactl.cli.kafka_style.tools import JavaError, WrongUsageError
from kafkactl.connection.java_settings import KNOWN
from kafkactl.errors import KafkactlError, UsageError
from kafkactl.output import people

CONFIG_EXCEPTION = "org.apache.kafka.common.config.ConfigException"
_REGISTRY = "schema.registry."


def refuse_both_names(arguments: Arguments, pairs: Iterable[tuple[str, str]]) -> None:
    """Raise WrongUsageError where an option is there under both names of a pair, for the first such pair."""
    for first, second in pairs:
        if arguments.has(first) and arguments.has(second):
            raise WrongUsageError(f"Options --{first} and --{second} cannot be specified together.")


def split_pairs(texts: Iterable[str]) -> dict[str, str]:
    """Return NAME=VALUE texts by name, the last of equal names. A text without an equals sign has the value ""."""
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def require_file(path: str | None, printed: str = "") -> None:
    """Raise JavaError for a file that does not exist; None is no file, and whether it can be read is not checked.

    `printed` is the error's text for stdout; it is not printed here.
    """
    import os

    if path is not None and not os.path.exists(path):
        raise JavaError(path, "java.nio.file.NoSuchFileException", before=printed)


def translate_settings(texts: Sequence[str]) -> list[str]:
    """Return -X options for client settings NAME=VALUE, two words for each; the last of equal names counts.

    Java ignores unknown names: each gets a warning on stderr here. Values are not checked.
    """
    words = []
    for name, value in split_pairs(texts).items():
        if name in KNOWN or name.startswith(_REGISTRY):
            words += ["-X", f"{name}={value}"]
        else:
            people.warning(f"unknown client setting {name} is ignored, as Kafka's tools do")
    return words


def keep_known(pairs: dict[str, str], known: Collection[str], kind: str) -> dict[str, str]:
    """Return the properties whose names are known. Kafka's tools ignore the others: each gets a warning on stderr.

    `kind` is the word for the warning that says whose properties they are, such as reader.
    """
    for name in pairs:
        if name not in known:
            people.warning(f"unknown property of the {kind} {name} is ignored, as Kafka's tools do")
    return {name: value for name, value in pairs.items() if name in known}


def log_error(text: str) -> None:
    """Write an error to stderr in the form of Kafka's logger, without its time."""
    people.write_kafka_message(f"ERROR {text}\n")


def convert_wrong_usage(error: KafkactlError) -> JavaError:
    """Return a wrong setting of a client, which our command refuses, as Java's exception.

    It is a ConfigException for a UsageError, and a KafkaException for any other error. An OptionError must not come
    here.
    """
    assert not isinstance(error, OptionError)
    exception = CONFIG_EXCEPTION if isinstance(error, UsageError) else "org.apache.kafka.common.KafkaException"
    return JavaError(str(error), exception)
