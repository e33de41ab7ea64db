"""What kafka-console-producer and kafka-console-consumer share: client settings, and options with two names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option
from kafkactl.cli.kafka_style.tools import WrongUsageError
from kafkactl.connection.java_settings import KNOWN
from kafkactl.output import people

CONFIG_EXCEPTION = "org.apache.kafka.common.config.ConfigException"
_REGISTRY = "schema.registry."


def make_settings_options(client: str) -> tuple[Option, ...]:
    """Return the options for settings of a client, which is `producer` or `consumer`.

    They are --command-property, and the deprecated CLIENT-property and CLIENT.config.
    """
    label = f"{client}_prop"
    return (
        Option(
            name="command-property",
            arity=Arity.REQUIRED,
            label=label,
            target="-X",
            summary=f"Setting of the {client}, NAME=VALUE.",
        ),
        make_deprecated_option(f"{client}-property", label, "--command-property", "-X"),
        make_deprecated_option(f"{client}.config", "config file", "--command-config", "--command-config"),
    )


def make_deprecated_option(name: str, label: str, new: str, target: str) -> Option:
    """Return an option of Kafka's tool that has the new name `new`, and what it is in kafkactl, `target`."""
    return Option(name=name, arity=Arity.REQUIRED, label=label, target=target, summary=f"Deprecated: {new}.")


def refuse_both_names(arguments: Arguments, pairs: Iterable[tuple[str, str]]) -> None:
    """Raise WrongUsageError where an option is there under both names of a pair, for the first such pair."""
    for first, second in pairs:
        if arguments.has(first) and arguments.has(second):
            raise WrongUsageError(f"Options --{first} and --{second} cannot be specified together.")


def split_pairs(texts: Iterable[str]) -> dict[str, str]:
    """Return NAME=VALUE texts by name, the last of equal names. A text without an equals sign has the value ""."""
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


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
