"""From flags, environment, files and contexts to the one set of settings that a client is made from.

Which cluster: the first of these that says so, and no mixture, so that no cluster is ever sent another's secrets:
  1. the command line: --bootstrap-server and --context (together: the context's settings, the flag's address),
     or a --command-config file that has bootstrap.servers
  2. the environment: KAFKACTL_BOOTSTRAP_SERVER and KAFKACTL_CONTEXT, likewise
  3. the current context
  4. localhost:9092
How to talk to it: later ones win
  the context's properties < KAFKACTL_CLIENT_* (SASL_PASSWORD for sasl.password) < --command-config < -X name=value
Secrets come from anywhere but -X; see secrets.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kafkactl.connection import contexts, properties, secrets
from kafkactl.connection.java_names import to_librdkafka
from kafkactl.errors import UsageError
from kafkactl.escaping import HIDDEN
from kafkactl.paths import config_file
from kafkactl.times import parse_duration

DEFAULT_BOOTSTRAP_SERVERS = "localhost:9092"
DEFAULT_TIMEOUT_S = 10.0
LONGEST_TIMEOUT_S = 3600.0
"""Longer time-outs are refused by librdkafka."""
_SERVERS = ("bootstrap.servers", "metadata.broker.list")
_REGISTRY = "schema.registry."
CLIENT_VARIABLE = "KAFKACTL_CLIENT_"


@dataclass(frozen=True)
class Settings:
    """Everything a client needs to know of a cluster."""

    bootstrap_servers: str
    source: str
    """Who said where the cluster is, for error messages."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Client settings under librdkafka's names."""
    timeout_s: float = DEFAULT_TIMEOUT_S
    registry: Mapping[str, str] = field(default_factory=dict)
    """Those of a Schema Registry, `schema.registry.` taken off: url, basic.auth.user.info, ssl.ca.location."""
    read_only_context: str | None = None
    """Name of the context that these settings are from, where it refuses changes."""
    warnings: tuple[str, ...] = ()
    """What is to be said of where they are from."""
    stated: Mapping[str, str] = field(default_factory=dict)
    """Those of the properties that stand on the command line, or in a file that is named there."""
    only_flags: frozenset[str] = frozenset()
    """Names that stand on the command line itself."""

    def with_flags(self, flags: Mapping[str, Flag]) -> Settings:
        """Return these settings with those that flags of their own stand for; a flag wins over contexts and variables.

        Raises UsageError where another place on the command line says something else.
        """
        for name, flag in flags.items():
            other = self.stated.get(name)
            if other is not None and other.lower() != flag.text.lower():
                raise UsageError(
                    f"{flag.option} says {name}={flag.text}, and the command line also has {name}={other}",
                    "leave one of them out; also look into the file of client settings",
                )
        said = {name: flag.text for name, flag in flags.items()}
        return replace(self, properties={**self.properties, **said}, stated={**self.stated, **said})


@dataclass(frozen=True)
class Flag:
    """What a flag of its own says about a client's setting."""

    option: str
    value: str | int | bool

    @property
    def text(self) -> str:
        """Return the value as a client's setting is written."""
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)


def resolve(
    bootstrap_server: str | None = None,
    context: str | None = None,
    command_config: Path | None = None,
    overrides: Sequence[str] = (),
    timeout_s: float | None = None,
    environment: Mapping[str, str] | None = None,
    runs_commands: bool = True,
) -> Settings:
    """Apply the order above; `overrides` are name=value texts. Raises UsageError and NotFoundError.

    Without `runs_commands` a secret that a command would give is a UsageError.
    """
    environment = os.environ if environment is None else environment
    is_file_named = command_config is not None
    if command_config is None and (named := environment.get("KAFKACTL_COMMAND_CONFIG")):
        command_config = Path(named)
    from_file = properties.read(command_config) if command_config is not None else {}
    in_file = next((from_file[name] for name in _SERVERS if name in from_file), None)
    chosen = _choose(bootstrap_server, context, in_file, environment)
    base, address, source, read_only_context = chosen
    from_flags = dict(parse_assignment(text, "-X") for text in overrides)
    secrets.refuse(from_flags, "-X", secrets.IN_CLIENT_SETTINGS)
    secrets.refuse_urls(from_flags, "-X")
    if command_config is not None:
        secrets.refuse_changeable(command_config, from_file)
        secrets.refuse_commands_of_others(command_config, from_file)
    if base:
        secrets.refuse_commands_of_others(config_file(), base)
    layers = (base, _from_environment(environment), from_file, from_flags)
    *defaults, file, flags = (
        to_librdkafka(layer, "-X" if number == len(layers) else None)
        for number, layer in enumerate(secrets.fetched(layers, runs_commands), 1)
    )
    merged = {name: value for layer in (*defaults, file, flags) for name, value in layer.items()}
    stated = {**file, **flags} if is_file_named else flags
    files = ((command_config, from_file), (config_file(), base))
    warnings = [warning for path, held in files if path and (warning := secrets.warning(path, held))]
    other = next((from_flags[name] for name in _SERVERS if name in from_flags), None)
    if bootstrap_server and other not in (None, bootstrap_server):
        raise UsageError(f"--bootstrap-server says {bootstrap_server}, and -X says {other}", "leave one of them out")
    address = address if other is None else other
    merged.pop("bootstrap.servers", None)
    require_addresses(address)
    registry = {name.removeprefix(_REGISTRY): merged.pop(name) for name in list(merged) if name.startswith(_REGISTRY)}
    return Settings(
        address,
        source,
        merged,
        _timeout(timeout_s, environment),
        registry,
        read_only_context,
        tuple(warnings),
        stated,
        frozenset(flags),
    )


def parse_assignment(text: str, flag: str) -> tuple[str, str]:
    """name=value as a pair; raises UsageError naming the flag."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"{flag} {text}: not name=value", f"for example: {flag} client.id=me")
    return name.strip(), value


def _choose(
    flag: str | None, context_flag: str | None, from_file: str | None, environment: Mapping[str, str]
) -> tuple[Mapping[str, str], str, str, str | None]:
    """Return properties of the context, bootstrap servers, who said so, and the name of a read-only context."""
    tiers = (
        (
            flag or (from_file if context_flag is None else None),
            context_flag,
            "--bootstrap-server" if flag else "--command-config",
        ),
        (
            environment.get("KAFKACTL_BOOTSTRAP_SERVER"),
            environment.get("KAFKACTL_CONTEXT"),
            "KAFKACTL_BOOTSTRAP_SERVER",
        ),
    )
    for address, name, source in tiers:
        if name:
            found = contexts.load().get(name)
            origin = source if address else f"context {name}"
            return found.properties, address or found.bootstrap_servers, origin, _if_read_only(found)
        if address:
            return {}, address, source, None
    file = contexts.load()
    if file.current is not None:
        found = file.get(file.current)
        return found.properties, found.bootstrap_servers, f"context {found.name}", _if_read_only(found)
    return {}, DEFAULT_BOOTSTRAP_SERVERS, "default: no flag, no variable, no current context", None


def _if_read_only(context: contexts.Context) -> str | None:
    return context.name if context.read_only else None


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(CLIENT_VARIABLE).lower().replace("_", "."): value
        for name, value in environment.items()
        if name.startswith(CLIENT_VARIABLE)
    }


_LONGEST_HOST = 253


def _is_host(text: str) -> bool:
    """Return whether a text can be a host's name, an address, or an IPv6 address in brackets."""
    name = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    return 0 < len(name) <= _LONGEST_HOST and name.isprintable() and not any(each in name for each in " []@")


def require_addresses(bootstrap_servers: str) -> None:
    """Raises UsageError unless it is a list of host:port (a host alone means port 9092)."""
    for server in bootstrap_servers.split(","):
        address = server.strip().rpartition("://")[2]
        host, colon, port = address.rpartition(":")
        if not colon:
            host, port = address, "9092"
        is_port = port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536
        if not (is_port and _is_host(host)):
            text = HIDDEN if "@" in server else repr(server.strip())
            raise UsageError(f"{text} is no broker address", "name brokers as host:port, with commas between")


def _timeout(flag_s: float | None, environment: Mapping[str, str]) -> float:
    """Return the time-out in seconds; raises UsageError for a value that is not a duration above 0."""
    stated = environment.get("KAFKACTL_TIMEOUT")
    if flag_s is not None:
        timeout_s = flag_s
    elif stated is None:
        timeout_s = DEFAULT_TIMEOUT_S
    else:
        timeout_s = parse_duration(stated, "KAFKACTL_TIMEOUT", positive=True) / 1000
    if not 0 < timeout_s <= LONGEST_TIMEOUT_S:
        raise UsageError(f"invalid value {timeout_s:g} s for the time-out: longer than an hour", "give at most 1h")
    return timeout_s
