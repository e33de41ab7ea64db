"""What kafka-console-producer and kafka-console-consumer share: client settings, and options with two names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kafkactl.cli.kafka_style.java_configs import check_settings, fit_value, list_names_of_other
from kafkactl.cli.kafka_style.parser import Arguments, Arity, Option
from kafkactl.cli.kafka_style.tools import JavaError, WrongUsageError, require_file
from kafkactl.connection.java_settings import HARMLESS, KNOWN, NOT_OF_TOOLS
from kafkactl.connection.properties import read_client_settings
from kafkactl.connection.secrets import is_secret
from kafkactl.output import people

SET_BY_TOOL = {
    "producer": ("bootstrap.servers", "compression.type", "key.serializer", "value.serializer"),
    "consumer": ("bootstrap.servers", "key.deserializer", "value.deserializer"),
}
"""Settings that Kafka's tool sets itself, whatever the user says."""
_REGISTRY = "schema.registry."
_CLASS_LISTS = {
    "producer": ("metric.reporters", "interceptor.classes"),
    "consumer": ("metric.reporters", "interceptor.classes", "partition.assignment.strategy"),
}
"""Settings whose classes Java loads. Those of the user cannot be loaded without a JVM."""
_WITH_OPTION = {"max.block.ms": "--max-block-ms"}
"""Settings without effect in kafkactl that have an option of their own."""


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
    """Return the option of Kafka's tool with the deprecated name `name`; it needs a value.

    `new` is the new name with its dashes, and `target` is what the option is in kafkactl.
    """
    return Option(name=name, arity=Arity.REQUIRED, label=label, target=target, summary=f"Deprecated: {new}.")


def refuse_both_names(arguments: Arguments, pairs: Iterable[tuple[str, str]]) -> None:
    """Raise WrongUsageError where an option is there under both names of a pair, for the first such pair."""
    for first, second in pairs:
        if arguments.has(first) and arguments.has(second):
            raise WrongUsageError(f"Options --{first} and --{second} cannot be specified together.")


def split_pairs(texts: Iterable[str]) -> dict[str, str]:
    """Return NAME=VALUE texts by name, the last of equal names. A text without an equals sign has the value ""."""
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


@dataclass(frozen=True)
class ClientSettings:
    """Settings of a client as the user gives them, by Java's names: NAME=VALUE words, and a file of settings."""

    given: Mapping[str, str]
    in_file: Mapping[str, str]
    file: str | None

    @property
    def all(self) -> dict[str, str]:
        """Return the settings of both; words win over the file."""
        return {**self.in_file, **self.given}


def read_settings(arguments: Arguments, client: str, before: str) -> ClientSettings:
    """Return the settings of --command-property and --command-config, or of their deprecated names.

    `client` is `producer` or `consumer`; with both options --command-config counts. Raise JavaError, with `before` as
    its text for stdout, for a file that cannot be opened, also for an empty name, OptionError where the option of the
    file that counts is given twice, and UsageError for a file that is none of settings. Names and values are not
    checked; of equal names in --command-property and its deprecated name the latter counts.
    """
    name = "command-config" if arguments.has("command-config") else f"{client}.config"
    file = arguments.value(name)
    require_file(file, before)
    words = [*arguments.values("command-property"), *arguments.values(f"{client}-property")]
    return ClientSettings(split_pairs(words), {} if file is None else read_client_settings(Path(file)), file)


def translate_settings(client: str, settings: ClientSettings, chosen: Mapping[str, str], before: str) -> list[str]:
    """Return our options for the settings of a client, `producer` or `consumer`.

    `chosen` are the settings, by Java's names, that the command line has options for, and these options win: the caller
    adds them, here they are only checked. Settings that Kafka's tool sets itself, those of other clients, unknown ones,
    and those without effect in kafkactl are left out: where they are on the command line, each gets a warning on
    stderr. A file of settings is passed on as --command-config; its settings get no option, except max.block.ms, and
    one whose value changes and is not secret. A client's own partitioner.ignore.keys or exclude.internal.topics, and
    encodings of serializers, get neither option nor warning. Numbers become the nearest ones that librdkafka takes.

    Raise JavaError, with `before` as its text for stdout, for a value that Java refuses, also for one of `chosen`, and
    for a class outside Kafka's package, such as an interceptor.
    """
    ignored = {*SET_BY_TOOL[client], *list_names_of_other(client)}
    used = {name: value for name, value in settings.all.items() if name not in ignored}
    check_settings(client, {**used, **chosen}, before)
    for name in _CLASS_LISTS[client]:
        for word in used.get(name, "").split(","):
            if word.strip() and not word.strip().startswith("org.apache.kafka."):
                reason = f"Failed to construct kafka {client}\nCaused by: Class {word.strip()} cannot be found"
                raise JavaError(reason, "org.apache.kafka.common.KafkaException", before=before)
    words = [] if settings.file is None else [f"--command-config={settings.file}"]
    for name in settings.given:
        if name in SET_BY_TOOL[client]:
            people.warning(f"client setting {name} is ignored, as Kafka's tool does")
        elif name in ignored:
            people.warning(f"client setting {name} is ignored: it is not one of a {client}")
        elif name in HARMLESS and name not in _WITH_OPTION:
            people.warning(f"client setting {name} is ignored: it has no effect in kafkactl")
        elif name not in KNOWN and not name.startswith(_REGISTRY):
            people.warning(f"unknown client setting {name} is ignored, as Kafka's tools do")
    for name, value in used.items():
        if name in chosen or name in NOT_OF_TOOLS or (name not in KNOWN and not name.startswith(_REGISTRY)):
            continue
        fitting = fit_value(name, value)
        if name in _WITH_OPTION:
            words.append(f"{_WITH_OPTION[name]}={fitting}")
        elif name not in HARMLESS and (name in settings.given or (fitting != value and not is_secret(name))):
            words += ["-X", f"{name}={fitting}"]
    return words


def keep_known(pairs: dict[str, str], known: Collection[str], kind: str) -> dict[str, str]:
    """Return the properties whose names are known. Kafka's tools ignore the others: each gets a warning on stderr.

    `kind` is the word for the warning that says whose properties they are, such as reader.
    """
    for name in pairs:
        if name not in known:
            people.warning(f"unknown property of the {kind} {name} is ignored, as Kafka's tools do")
    return {name: value for name, value in pairs.items() if name in known}


def is_true(value: str) -> str:
    """Return true for the text true in any case, also with blanks around it, and false for any other, as Java reads."""
    return "true" if value.strip().lower() == "true" else "false"


def log_error(text: str) -> None:
    """Write the line "ERROR TEXT" to stderr. A stderr that cannot be written is ignored."""
    people.write_kafka_message(f"ERROR {text}\n")
