"""The order in which flags, environment, files and contexts speak; see connection/settings.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from kafkactl.connection.cluster import Cluster
from kafkactl.connection.contexts import Context, load
from kafkactl.connection.settings import Flag, Settings, resolve
from kafkactl.errors import NotFoundError, UsageError
from tests.conftest import Cli


@pytest.fixture(autouse=True)
def _contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.yaml"
    monkeypatch.setenv("KAFKACTL_CONFIG", str(path))
    file = load(path).add_context(Context("dev", "dev:1", {"sasl.password": "dev-secret"}))
    file.add_context(Context("prod", "prod:1", {"client.id": "prod"})).select_context("dev").save()


def told(**arguments: object) -> Settings:
    return resolve(environment={}, **arguments) if "environment" not in arguments else resolve(**arguments)  # type: ignore[arg-type]


def test_the_current_context_speaks_when_nobody_else_does() -> None:
    settings = told()
    assert settings.bootstrap_servers == "dev:1"
    assert settings.properties == {"sasl.password": "dev-secret"}
    assert settings.source == "context dev"


@pytest.mark.parametrize("name", ["bootstrap.servers", "metadata.broker.list"])
def test_an_address_in_a_setting_is_that_of_the_context(name: str, tmp_path: Path, cli: Cli) -> None:
    """A command with this context asks the brokers that the note names."""
    cli = cli.with_environment(KAFKACTL_CONFIG=str(tmp_path / "config.yaml"))
    assert "context dev: new:1" in cli("context", "set", "dev", "-X", f"{name}=new:1", check=0).stderr
    assert "context one: new:1" in cli("context", "set", "one", "-X", f"{name}=new:1", check=0).stderr
    for context in ("dev", "one"):
        assert resolve(context=context).bootstrap_servers == "new:1"
        assert name not in load(tmp_path / "config.yaml").contexts[context].properties
    told = cli("context", "set", "dev", "-b", "a:1", "-X", f"{name}=b:1", check=2).stderr
    assert "different addresses: a:1 and b:1" in told
    assert f"'' for -X {name}" in cli("context", "set", "dev", "-X", f"{name}=", check=2).stderr
    both = ("-X", "bootstrap.servers=a:1", "-X", "metadata.broker.list=b:1")
    assert "different addresses: a:1 and b:1" in cli("context", "set", "dev", *both, check=2).stderr
    told = cli("quorum", "status", "--bootstrap-controller", "a:1", "-X", f"{name}=b:1", check=2).stderr
    assert "--bootstrap-controller says a:1, and -X says b:1" in told


def test_without_any_context_it_is_localhost() -> None:
    load().remove_context("dev").save()
    assert told().bootstrap_servers == "localhost:9092"


ADDRESSES = {
    "--bootstrap-server": ({"bootstrap_server": "other:1"}, {}),
    "-X": ({"overrides": ["bootstrap.servers=other:1"]}, {}),
    "-X, librdkafka's name": ({"overrides": ["metadata.broker.list=other:1"]}, {}),
    "--command-config": ({"command_config": Path("client.properties")}, {}),
    "KAFKACTL_BOOTSTRAP_SERVER": ({}, {"KAFKACTL_BOOTSTRAP_SERVER": "other:1"}),
    "KAFKACTL_COMMAND_CONFIG": ({}, {"KAFKACTL_COMMAND_CONFIG": "client.properties"}),
}
"""The ways to name a cluster by its address: arguments of resolve() and variables."""


@pytest.fixture
def _client_properties(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the file that ADDRESSES names, in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    Path("client.properties").write_text("bootstrap.servers=other:1\n")


@pytest.mark.usefixtures("_client_properties")
@pytest.mark.parametrize("way", ADDRESSES)
def test_no_other_address_gets_the_secrets_of_the_current_context(way: str) -> None:
    load().add_context(Context("locked", "locked:1", {"sasl.password": "x"}, read_only=True)).select_context(
        "locked"
    ).save()
    arguments, environment = ADDRESSES[way]
    settings = told(environment=environment, **arguments)
    assert (settings.bootstrap_servers, settings.properties, settings.read_only_context) == ("other:1", {}, None)
    assert settings.source == way.partition(",")[0]


@pytest.mark.usefixtures("_client_properties")
@pytest.mark.parametrize("way", ADDRESSES)
def test_a_context_of_the_command_line_wins_over_addresses_of_lower_rank(way: str) -> None:
    arguments, environment = ADDRESSES[way]
    settings = told(environment=environment, context="dev", **arguments)
    is_flag = way.startswith(("--bootstrap-server", "-X"))
    assert settings.bootstrap_servers == ("other:1" if is_flag else "dev:1")
    assert settings.properties == {"sasl.password": "dev-secret"}


def test_addresses_are_asked_for_in_the_order_of_the_docs(tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.write_text("bootstrap.servers=file:1\n")
    environment = {"KAFKACTL_COMMAND_CONFIG": str(file), "KAFKACTL_BOOTSTRAP_SERVER": "variable:1"}
    assert told(environment=environment).bootstrap_servers == "variable:1"
    assert told(environment=environment, command_config=file).bootstrap_servers == "file:1"
    environment = {"KAFKACTL_COMMAND_CONFIG": str(file), "KAFKACTL_CONTEXT": "prod"}
    assert told(environment=environment).bootstrap_servers == "prod:1"


@pytest.mark.parametrize("name", ["bootstrap.servers", "metadata.broker.list"])
def test_an_address_in_a_place_that_does_not_choose_the_cluster_is_refused(name: str) -> None:
    variable = "KAFKACTL_CLIENT_" + name.upper().replace(".", "_")
    with pytest.raises(UsageError, match=f"{name} in .*: an address is no client setting") as raised:
        told(environment={variable: "other:1"})
    assert raised.value.hint == "use KAFKACTL_BOOTSTRAP_SERVER"
    with pytest.raises(UsageError, match=f"{name} in properties: an address is no client setting"):
        told(python_properties={name: "other:1"})


def test_both_flags_are_the_contexts_settings_at_the_flags_address() -> None:
    settings = told(bootstrap_server="other:1", context="dev")
    assert (settings.bootstrap_servers, settings.properties) == ("other:1", {"sasl.password": "dev-secret"})


def test_flags_before_variables_before_the_current_context() -> None:
    environment = {"KAFKACTL_CONTEXT": "prod"}
    assert told(environment=environment).bootstrap_servers == "prod:1"
    assert told(environment=environment, context="dev").bootstrap_servers == "dev:1"
    assert told(environment=environment, bootstrap_server="flag:1").properties == {}


def test_how_to_talk_later_ones_win(tmp_path: Path) -> None:
    file = tmp_path / "c.properties"
    file.write_text("client.id=file\nlinger.ms=5\nsend.buffer.bytes=9\n")
    environment = {"KAFKACTL_CLIENT_CLIENT_ID": "variable", "KAFKACTL_CLIENT_METADATA_MAX_AGE_MS": "7"}
    settings = resolve(
        context="prod", command_config=file, overrides=["linger.ms=6", "acks=-1"], environment=environment
    )
    assert settings.properties == {
        "client.id": "file",
        "metadata.max.age.ms": "7",
        "linger.ms": "6",
        "socket.send.buffer.bytes": "9",
        "acks": "all",
    }
    assert settings.bootstrap_servers == "prod:1"


def test_a_properties_file_may_name_the_brokers(tmp_path: Path) -> None:
    file = tmp_path / "c.properties"
    file.write_text("bootstrap.servers=file:1\n")
    assert told(command_config=file).bootstrap_servers == "file:1"
    assert told(command_config=file, bootstrap_server="flag:1").bootstrap_servers == "flag:1"
    by_variable = resolve(environment={"KAFKACTL_COMMAND_CONFIG": str(file)})
    assert (by_variable.bootstrap_servers, by_variable.properties) == ("file:1", {})


def test_time_outs() -> None:
    assert told().timeout_s == 10
    assert resolve(environment={"KAFKACTL_TIMEOUT": "3"}).timeout_s == 3
    assert resolve(environment={"KAFKACTL_TIMEOUT": "3"}, timeout_s=4).timeout_s == 4


@pytest.mark.parametrize(
    ("timeout", "reason"),
    [
        (0, "not above 0"),
        (-1, "not above 0"),
        (float("nan"), "not above 0"),
        (1e9, "longer than an hour"),
        (float("inf"), "longer than an hour"),
    ],
)
def test_impossible_time_outs(timeout: float, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        told(timeout_s=timeout)
    assert caught.value.hint == "give a time above 0 and at most 1h"


@pytest.mark.parametrize(
    ("arguments", "name"), [({"bootstrap_server": ""}, "--bootstrap-server"), ({"context": ""}, "--context")]
)
def test_an_empty_option_is_not_an_absent_one(arguments: dict[str, object], name: str) -> None:
    with pytest.raises(UsageError, match=f"invalid value '' for {name}"):
        told(**arguments)


BAD_TEXTS = {"NUL": ("se\0cret", "this has a NUL character"), "surrogate": ("se\udcffcret", "this is not UTF-8")}


@pytest.mark.parametrize(("text", "reason"), BAD_TEXTS.values(), ids=BAD_TEXTS)
@pytest.mark.parametrize("name", ["client.id", "sasl.password", "sasl.password_command", "sasl.password_file"])
def test_values_that_librdkafka_cannot_take(name: str, text: str, reason: str, tmp_path: Path) -> None:
    """They come from each source, and the message has the name of the setting but never its value."""
    file = tmp_path / "c.properties"
    file.write_text(f"{name}={text}".encode("unicode_escape").decode().replace("x00", "u0000"))
    file.chmod(0o600)
    variable = "KAFKACTL_CLIENT_" + name.upper().replace(".", "_")
    sources: list[dict[str, object]] = [
        {"environment": {variable: text}}, {"command_config": file}, {"python_properties": {name: text}}
    ]  # fmt: skip
    if name != "sasl.password":
        sources.append({"overrides": [f"{name}={text}"]})
    for source in sources:
        is_half = "command_config" in source and reason == "this is not UTF-8"  # a file has it as an escape
        told_reason = "half a character in the value of" if is_half else f"invalid value of the setting .*: {reason}"
        with pytest.raises(UsageError, match=told_reason) as caught:
            told(**source)
        assert name in str(caught.value).replace(".command", "_command").replace(".file", "_file")
        assert "cret" not in f"{caught.value} {caught.value.hint}"


def test_a_malformed_escape_does_not_show_the_value(tmp_path: Path) -> None:
    file = tmp_path / "c.properties"
    file.write_text(r"sasl.password=se\u12cret")
    file.chmod(0o600)
    with pytest.raises(UsageError, match=r"malformed .* escape in the value of sasl\.password") as caught:
        told(command_config=file)
    assert "cret" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(("text", "reason"), BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_names_that_librdkafka_cannot_take(text: str, reason: str) -> None:
    for source in ({"overrides": [f"{text}=x"]}, {"python_properties": {text: "x"}}):
        with pytest.raises(UsageError, match=reason) as caught:
            told(**source)
        str(caught.value).encode()


def test_contexts_and_secrets_that_librdkafka_cannot_take(tmp_path: Path) -> None:
    load().add_context(Context("bad", "bad:1", {"client.id": "a\0b"})).save()
    with pytest.raises(UsageError, match=r"the setting 'client\.id': this has a NUL character"):
        told(context="bad")
    secret = tmp_path / "secret"
    secret.write_bytes(b"hid\0den\n")
    secret.chmod(0o600)
    with pytest.raises(UsageError, match=r"the setting 'sasl\.password': this has a NUL character") as caught:
        told(overrides=[f"sasl.password_file={secret}"])
    assert "hid" not in str(caught.value)


def test_the_settings_of_a_program_win_over_all_others() -> None:
    settings = told(
        context="dev",
        overrides=["linger.ms=6", "client.id=flag"],
        python_properties={"client.id": "me", "sasl.password": "mine", "schema.registry.url": "http://r"},
    )
    assert settings.properties == {"client.id": "me", "sasl.password": "mine", "linger.ms": "6"}
    assert (settings.registry, settings.command_line_properties["client.id"]) == ({"url": "http://r"}, "flag")


@pytest.mark.parametrize(
    "address",
    ["", ":9092", "host:", "host:port", "host:0", "host:70000", "a:1,,b:2", "a b:1", "::1", "::1:9092", "[::1", "::1]",
     "[]", "[]:1", "a:b:1", "[::1]:", "[::1]:0", "[::1]9092", "[[::1]]:1"],
)  # fmt: skip
def test_bad_addresses(address: str) -> None:
    with pytest.raises(UsageError, match="invalid broker address: "):
        resolve(overrides=[f"bootstrap.servers={address}"], environment={})


@pytest.mark.parametrize("place", ["--command-config", "KAFKACTL_COMMAND_CONFIG"])
@pytest.mark.parametrize("address", ["", "host:"])
def test_bad_addresses_of_a_file(tmp_path: Path, address: str, place: str) -> None:
    """An empty one was passed over, and another cluster was asked."""
    file = tmp_path / "client.properties"
    file.write_text(f"bootstrap.servers={address}\n")
    named = place == "--command-config"
    with pytest.raises(UsageError, match="invalid broker address: "):
        resolve(command_config=file if named else None, environment={} if named else {place: str(file)})


def test_two_addresses_on_the_command_line() -> None:
    for name in ("bootstrap.servers", "metadata.broker.list"):
        with pytest.raises(UsageError, match="--bootstrap-server says a:1, and -X says b:2"):
            resolve(bootstrap_server="a:1", overrides=[f"{name}=b:2"], environment={})
        settings = resolve(overrides=[f"{name}=b:2"], environment={})
        assert (settings.bootstrap_servers, settings.source) == ("b:2", "-X")
        both = resolve(bootstrap_server="b:2", overrides=[f"{name}=b:2"], environment={})
        assert (both.bootstrap_servers, both.source) == ("b:2", "--bootstrap-server")


def test_two_addresses_under_both_names() -> None:
    overrides = ["bootstrap.servers=a:1", "metadata.broker.list=b:2"]
    with pytest.raises(UsageError, match="-X says a:1 and b:2"):
        told(overrides=overrides)
    with pytest.raises(UsageError, match="-X says a:1 and b:2"):
        told(bootstrap_server="a:1", overrides=overrides)
    assert told(overrides=["metadata.broker.list=a:1", "bootstrap.servers=a:1"]).bootstrap_servers == "a:1"


@pytest.mark.parametrize("name", ["group.id", "group.instance.id", "transactional.id", "client.rack"])
def test_ids_that_differ_in_case_are_different(name: str) -> None:
    settings = told(overrides=[f"{name}=orders", "isolation.level=READ_COMMITTED"])
    flags = {name: Flag("--id", "orders"), "isolation.level": Flag("--isolation-level", "read_committed")}
    assert settings.with_flags(flags).properties[name] == "orders"
    with pytest.raises(UsageError, match=f"--id says {name}=Orders, and the command line also has {name}=orders"):
        settings.with_flags({name: Flag("--id", "Orders")})


@pytest.mark.parametrize(
    "address", ["host", "host:9092", "[::1]:9092", "[::1]", "SSL://[::1]", "PLAINTEXT://host:9092", "a:1, b:2"]
)
def test_good_addresses(address: str) -> None:
    assert told(bootstrap_server=address).bootstrap_servers == address


def test_what_is_not_there_or_not_well_formed() -> None:
    with pytest.raises(NotFoundError, match="nosuch"):
        told(context="nosuch")
    with pytest.raises(UsageError, match="not name=value"):
        told(overrides=["linger.ms"])
    with pytest.raises(UsageError, match="KAFKACTL_TIMEOUT"):
        resolve(environment={"KAFKACTL_TIMEOUT": "soon"})


def test_blanks_behind_values_of_a_file_do_not_count(tmp_path: Path, cli: Cli) -> None:
    """As in Java, for its own settings; a password of librdkafka may end with one."""
    file = tmp_path / "client.properties"
    file.write_text("bootstrap.servers=h:1 \nsecurity.protocol=PLAINTEXT \ngroup.id=g \nsasl.password=p \n")
    settings = resolve(command_config=file, environment={})
    assert settings.bootstrap_servers == "h:1"
    assert settings.properties["security.protocol"] == "PLAINTEXT"
    assert settings.properties["group.id"] == "g"
    assert settings.properties["sasl.password"] == "p "
    cli.ok("context", "set", "prod", "--command-config", file)
    shown = cli.ok("context", "show", "prod", "-o", "json")
    assert '"group.id": "g"' in shown


@pytest.mark.parametrize(
    "names", [["foo"], ["topic.foo"], ["foo", "topic.foo"], ["topic.foo", "foo"], ["topic.foo", "a"]]
)
def test_unknown_settings_with_a_prefix_are_left_out(names: list[str]) -> None:
    """librdkafka's error names them without the prefix."""
    properties = dict.fromkeys(names, "x")
    warnings: list[str] = []
    assert Cluster(Settings("127.0.0.1:1", "a test", properties), warnings.append).admin is not None
    assert warnings == [f"unknown client settings are ignored: {', '.join(sorted(names))}"]
    for name in names:
        settings = Settings("127.0.0.1:1", "a test", properties, flag_names=frozenset([name]))
        with pytest.raises(UsageError, match="unknown client setting"):
            _ = Cluster(settings, warnings.append).admin
