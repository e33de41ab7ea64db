"""Resolution of flags, environment, files and contexts into the settings that a client is made from.

The cluster comes from the first of these sources that names one. Sources are never mixed, so that no cluster gets the
secrets of another one:
  1. the command line: --bootstrap-server (or -X bootstrap.servers=) and --context (together: the context's settings,
     the flag's address), or a --command-config file that has bootstrap.servers
  2. the environment: KAFKACTL_BOOTSTRAP_SERVER, KAFKACTL_CONTEXT and the file of KAFKACTL_COMMAND_CONFIG, by the rule
     of 1
  3. the current context
  4. localhost:9092

The client settings come from all of these; later ones win:
  the context's properties < KAFKACTL_CLIENT_* (SASL_PASSWORD for sasl.password) < --command-config < -X name=value
  < properties of kafkactl.connect()
Secrets may come from all sources but -X; see secrets.py.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kafkactl.connection import contexts, properties, secrets
from kafkactl.connection.java_names import to_librdkafka
from kafkactl.errors import UsageError
from kafkactl.escaping import HIDDEN
from kafkactl.paths import find_config_file
from kafkactl.patterns import explain_unusable_text, refuse_empty, write_command
from kafkactl.times import parse_duration

DEFAULT_BOOTSTRAP_SERVERS = "localhost:9092"
DEFAULT_TIMEOUT_S = 10.0
LONGEST_TIMEOUT_S = 3600.0
"""The longest allowed time-out: librdkafka refuses longer ones."""
SERVERS = ("bootstrap.servers", "metadata.broker.list")
_IDS = frozenset({"client.rack", "group.id", "group.instance.id", "transactional.id"})
"""Settings in whose values the case of letters counts, because Orders and orders are two groups."""
_REGISTRY = "schema.registry."
_UNUSABLE_HINT = "write the setting as UTF-8 text without NUL characters"
CLIENT_VARIABLE = "KAFKACTL_CLIENT_"


@dataclass(frozen=True)
class Settings:
    """All that a client needs to know about a cluster."""

    bootstrap_servers: str
    source: str
    """Where the address is from, for error messages."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Client settings under librdkafka's names."""
    timeout_s: float = DEFAULT_TIMEOUT_S
    """Time-out of a whole command's reads, and of each change."""
    registry: Mapping[str, str] = field(default_factory=dict)
    """Settings of a Schema Registry without `schema.registry.`: url, basic.auth.user.info, ssl.ca.location."""
    read_only_context: str | None = None
    """Name of the settings' context if it refuses changes; None otherwise."""
    warnings: tuple[str, ...] = ()
    """Warnings about the files that the settings are from."""
    command_line_properties: Mapping[str, str] = field(default_factory=dict)
    """The properties that are on the command line, or in a file that it names."""
    flag_names: frozenset[str] = frozenset()
    """Names of the properties that are on the command line itself (-X)."""
    has_controllers: bool = False
    """Whether the address is that of controllers, and not of brokers."""

    @property
    def uses_sasl(self) -> bool:
        """Return whether the settings have a login by SASL."""
        return "sasl" in self.properties.get("security.protocol", "").lower()

    def require_writable(self, action: str, caller: str = "command") -> None:
        """Raise UsageError if the settings are those of a read-only context; otherwise do nothing.

        `action` is the change as a phrase that begins with a verb; `caller` names what would make the change.
        """
        if self.read_only_context is not None:
            raise UsageError(
                f"context {self.read_only_context} is read-only, and this {caller} changes the cluster: {action}",
                f"allow changes: {write_command('kafkactl context set', self.read_only_context, '--no-read-only')}",
            )

    def with_flags(self, flags: Mapping[str, Flag], always_win: bool = False) -> Settings:
        """Return a copy with the properties that flags set; `flags` are by the properties' names.

        A flag wins over contexts, variables and their files. Raise UsageError where the command line, or a file that it
        names, also has another value, unless flags `always_win`; case counts only in client.rack, group.id,
        group.instance.id and transactional.id. In the copy the flags' values are `command_line_properties`, too.
        """
        for name, flag in () if always_win else flags.items():
            other_value = self.command_line_properties.get(name)
            if other_value is None or other_value == flag.text:
                continue
            if name in _IDS or other_value.lower() != flag.text.lower():
                raise UsageError(
                    f"{flag.option} says {name}={flag.text}, and the command line also has {name}={other_value}",
                    "leave one of them out; also look into the file of client settings",
                )
        flag_values = {name: flag.text for name, flag in flags.items()}
        return replace(
            self,
            properties={**self.properties, **flag_values},
            command_line_properties={**self.command_line_properties, **flag_values},
        )


@dataclass(frozen=True)
class Flag:
    """The value of a command-line option that sets one of a client's properties."""

    option: str
    value: str | int | bool

    @property
    def text(self) -> str:
        """Return the value as the text of a client setting: True and False become true and false."""
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)


def resolve(
    bootstrap_server: str | None = None,
    context: str | None = None,
    command_config: Path | None = None,
    overrides: Sequence[str] = (),
    timeout_s: float | None = None,
    environment: Mapping[str, str] | None = None,
    runs_commands: bool = True,
    python_properties: Mapping[str, str] | None = None,
    left_out: Collection[str] = (),
    address_option: str = "--bootstrap-server",
) -> Settings:
    """Return the settings of a command; see the module's docstring for the order of the sources.

    `bootstrap_server`, `context`, `command_config` and `timeout_s` (in s) are the options, or None. `overrides` are the
    texts name=value of -X. `environment` is None for the process's own; its variables may give each option. The path of
    the contexts file is always from the process's own. A setting of a later source wins: the context,
    KAFKACTL_CLIENT_*, `command_config`, `overrides`, `python_properties` (the settings that a Python program passes).
    Without `runs_commands` a secret that a command would give is a UsageError. Settings of `command_config` with a name
    in `left_out` do not count. `address_option` names the option of `bootstrap_server` in errors. Nothing is connected,
    but commands for secrets are run, at most 60 s each, and may read stdin. A `command_config` or contexts file with
    secrets that others can read is only in `warnings` of the result.

    The empty variable of an option counts as absent, but an empty KAFKACTL_TIMEOUT is refused. An empty
    KAFKACTL_CLIENT_* variable is a setting with an empty value, which replaces the context's. An address in `overrides`
    counts like `bootstrap_server`: without `context` the settings of no context are used. An address in
    `command_config` counts where there is none of these and no `context`; an empty one is refused then.

    Raise UsageError for a wrong, empty or unsafe option, for a wrong or unsafe setting or file, for a setting with NUL
    or that is not Unicode, for a secret on the command line, for an address in KAFKACTL_CLIENT_* or
    `python_properties`, for another one in `overrides` than in `bootstrap_server`, for different ones under the two
    names in `overrides`, and for a time-out that is not above 0 and at most 1 h. Raise NotFoundError for a context that
    does not exist.
    """
    environment = os.environ if environment is None else environment
    refuse_empty(bootstrap_server, address_option)
    refuse_empty(context, "--context")
    is_file_named = command_config is not None
    if not is_file_named and (config_path := environment.get("KAFKACTL_COMMAND_CONFIG")):
        command_config = Path(config_path)
    from_file = properties.read_client_settings(command_config) if command_config is not None else {}
    from_file = {name: value for name, value in from_file.items() if name not in left_out}
    from_flags = dict(parse_assignment(text, "-X") for text in overrides)
    variables_layer = _read_environment(environment)
    _refuse_address(variables_layer, f"{CLIENT_VARIABLE}*", "use KAFKACTL_BOOTSTRAP_SERVER")
    _refuse_address(python_properties or {}, "properties", "pass it as bootstrap_servers")
    addresses_in_flags = dict.fromkeys(from_flags[name] for name in SERVERS if name in from_flags)
    if len(addresses_in_flags) > 1:
        raise UsageError(f"-X says {' and '.join(addresses_in_flags)}", "leave one of them out")
    in_flags, in_file = find_address(from_flags), find_address(from_file)
    if bootstrap_server and in_flags not in (None, bootstrap_server):
        raise UsageError(f"{address_option} says {bootstrap_server}, and -X says {in_flags}", "leave one of them out")
    base, address, source, read_only_context = _choose(
        _Tier(
            {address_option: bootstrap_server, "-X": in_flags},
            context,
            {"--command-config": in_file if is_file_named else None},
        ),
        _Tier(
            {"KAFKACTL_BOOTSTRAP_SERVER": environment.get("KAFKACTL_BOOTSTRAP_SERVER") or None},
            environment.get("KAFKACTL_CONTEXT"),
            {"KAFKACTL_COMMAND_CONFIG": None if is_file_named else in_file},
        ),
    )
    secrets.refuse(from_flags, "-X", secrets.IN_CLIENT_SETTINGS)
    secrets.refuse_urls(from_flags, "-X")
    if command_config is not None:
        secrets.refuse_changeable(command_config, from_file)
        secrets.refuse_commands_of_others(command_config, from_file)
    if base:
        secrets.refuse_commands_of_others(find_config_file(), base)
    layers = (base, variables_layer, from_file, from_flags, python_properties or {})
    context_layer, variables, file, flags, python = (
        to_librdkafka(layer, "-X" if source is from_flags else None)
        for layer, source in zip(_resolve_texts(layers, runs_commands), layers, strict=True)
    )
    merged = {**context_layer, **variables, **file, **flags, **python}
    command_line_properties = {**file, **flags} if is_file_named else flags
    files = ((command_config, from_file), (find_config_file(), base))
    warnings = [
        warning for path, file_settings in files if path and (warning := secrets.find_warning(path, file_settings))
    ]
    merged.pop("bootstrap.servers", None)
    require_addresses(address)
    registry = {name.removeprefix(_REGISTRY): merged.pop(name) for name in list(merged) if name.startswith(_REGISTRY)}
    return Settings(
        address,
        source,
        merged,
        _resolve_timeout(timeout_s, environment),
        registry,
        read_only_context,
        tuple(warnings),
        command_line_properties,
        frozenset(flags),
    )


def _resolve_texts(layers: Sequence[Mapping[str, str]], runs_commands: bool) -> Iterator[dict[str, str]]:
    """Yield each layer of settings with its secrets, as secrets.resolve_secrets does: commands are run, files are read.

    Later layers win: the source of a secret that a later layer also has is left out, and is not run or read. Raise
    UsageError for a setting that the clients cannot take, also where it is the source of a secret, where a command or a
    file does not give its secret, and without `runs_commands` for a command that would be run.
    """
    for layer in layers:
        _require_usable(layer)
    for layer in secrets.resolve_secrets(layers, runs_commands):
        _require_usable(layer)
        yield layer


def _require_usable(settings: Mapping[str, str]) -> None:
    """Raise UsageError for a name or a value with NUL or a lone surrogate; otherwise do nothing.

    librdkafka ends the process for text that is not Unicode, and reads text up to its first NUL. The message has the
    name of the setting and not its value, which may be secret.
    """
    for name, value in settings.items():
        for part, text in (("name", name), ("value", value)):
            if (fault := explain_unusable_text(text)) is not None:
                raise UsageError(f"invalid {part} of the setting {name!r}: {fault}", _UNUSABLE_HINT)


def parse_assignment(text: str, flag: str) -> tuple[str, str]:
    """Return the name, stripped, and the value, with its blanks, of a text name=value.

    The value may be empty and may contain "=". Raise UsageError, which names `flag`, for a text without "=" or with an
    empty name.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"invalid value {text!r} for {flag}: not name=value", f"for example: {flag} client.id=me")
    return name.strip(), value


def find_address(settings: Mapping[str, str]) -> str | None:
    """Return the bootstrap servers in client settings by either of their names, or None."""
    return next((settings[name] for name in SERVERS if name in settings), None)


def _refuse_address(settings: Mapping[str, str], place: str, hint: str) -> None:
    """Raise UsageError for client settings with bootstrap servers; otherwise do nothing.

    `place` is where the settings come from, and does not choose the cluster: another one would be asked in silence.
    """
    for name in SERVERS:
        if name in settings:
            raise UsageError(f"{name} in {place}: an address is no client setting", hint)


@dataclass(frozen=True)
class _Tier:
    """What sources of one rank say about the cluster. Absent values are None; a context may also be empty."""

    addresses: Mapping[str, str | None]
    """Bootstrap servers by the name of their source; the first that is there counts."""
    context: str | None
    """Name of a context."""
    file_address: Mapping[str, str | None]
    """The bootstrap servers of a file by the name of its source, which count without the others."""


def _choose(*tiers: _Tier) -> tuple[Mapping[str, str], str, str, str | None]:
    """Return the context's properties, the bootstrap servers, their source, and a read-only context's name or None.

    The first of `tiers` that names a cluster wins, then the current context, then localhost:9092. An address together
    with a context of the same tier replaces the context's address. An address in a file of settings counts only where
    its tier has neither. Without a context the properties are empty. An empty address counts as one; an empty context
    counts as none. The contexts file is read only where a context is needed. Raise NotFoundError for an unknown
    context, and UsageError for a contexts file that cannot be read, is not a regular file, is not well formed, or that
    other users can write.
    """
    for tier in tiers:
        source, address = next(((name, text) for name, text in tier.addresses.items() if text is not None), ("", None))
        if tier.context:
            selected = contexts.load().get(tier.context)
            if address is None:
                source, address = f"context {tier.context}", selected.bootstrap_servers
            return selected.properties, address, source, _get_read_only_name(selected)
        if address is None:
            source, address = next(
                ((name, text) for name, text in tier.file_address.items() if text is not None), ("", None)
            )
        if address is not None:
            return {}, address, source, None
    file = contexts.load()
    if file.current is not None:
        selected = file.get(file.current)
        return (
            selected.properties,
            selected.bootstrap_servers,
            f"context {selected.name}",
            _get_read_only_name(selected),
        )
    return {}, DEFAULT_BOOTSTRAP_SERVERS, "default: no flag, no variable, no current context", None


def _get_read_only_name(context: contexts.Context) -> str | None:
    """Return the context's name if it is read-only, or None."""
    return context.name if context.read_only else None


def _read_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the client settings of KAFKACTL_CLIENT_* variables under their property names.

    KAFKACTL_CLIENT_SASL_PASSWORD becomes sasl.password. Names and values are not checked.
    """
    return {
        name.removeprefix(CLIENT_VARIABLE).lower().replace("_", "."): value
        for name, value in environment.items()
        if name.startswith(CLIENT_VARIABLE)
    }


_LONGEST_HOST = 253


def _is_host(text: str) -> bool:
    """Return whether a text can be a host name, an address, or an IPv6 address in brackets, without a port.

    It has 1 to 253 printable characters, other than spaces, @, further brackets, and, outside of brackets, colons.
    Nothing else is checked: `[abc]` is accepted.
    """
    name, others = (text[1:-1], " []@") if text.startswith("[") and text.endswith("]") else (text, " []@:")
    return 0 < len(name) <= _LONGEST_HOST and name.isprintable() and not any(character in name for character in others)


def require_addresses(bootstrap_servers: str) -> None:
    """Raise UsageError unless the text is a comma-separated list of host:port. A host alone means port 9092.

    An IPv6 address is in brackets: [ADDRESS]:PORT. A port is 1 to 65535, in at most five digits. A prefix PROTOCOL://
    and blanks around an address are allowed; empty parts are not. The message hides an address that contains "@".
    """
    for server in bootstrap_servers.split(","):
        address = server.strip().rpartition("://")[2]
        host, colon, port = address.rpartition(":")
        if not colon or address.endswith("]"):
            host, port = address, "9092"
        is_port = port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536
        if not (is_port and _is_host(host)):
            text = HIDDEN if "@" in server else repr(server.strip())
            raise UsageError(f"invalid broker address: {text}", "write brokers as host:port, separated by commas")


def _resolve_timeout(flag_s: float | None, environment: Mapping[str, str]) -> float:
    """Return the time-out in s: the flag's (None: no flag), or else KAFKACTL_TIMEOUT, or else 10.

    KAFKACTL_TIMEOUT is in s where it has no unit. Only the value that counts is checked: raise UsageError where it is
    not a duration above 0 and at most 1 h, also for an empty KAFKACTL_TIMEOUT.
    """
    environment_value = environment.get("KAFKACTL_TIMEOUT")
    if flag_s is not None:
        timeout_s = flag_s
    elif environment_value is None:
        timeout_s = DEFAULT_TIMEOUT_S
    else:
        timeout_s = parse_duration(environment_value, "KAFKACTL_TIMEOUT", positive=True) / 1000
    if not 0 < timeout_s <= LONGEST_TIMEOUT_S:
        reason = "longer than an hour" if timeout_s > LONGEST_TIMEOUT_S else "not above 0"
        raise UsageError(
            f"invalid value {timeout_s:g} s for the time-out: {reason}", "give a time above 0 and at most 1h"
        )
    return timeout_s
