"""Where secrets come from, and that they are not seen on their way."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafkactl.connection.secrets import find_warning, hide_secret, is_secret, refuse_in_url, refuse_urls
from kafkactl.connection.settings import Settings, resolve
from kafkactl.errors import UsageError
from kafkactl.escaping import HIDDEN, hide_in_url, hide_in_urls


@pytest.fixture(autouse=True)
def _own_contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKACTL_CONFIG", str(tmp_path / "config.yaml"))


def told(file: Path | None = None, overrides: tuple[str, ...] = (), **environment: str) -> Settings:
    return resolve("a:1", None, file, overrides, None, environment)


def test_which_settings_are_secret() -> None:
    for name in ("sasl.password", "sasl.jaas.config", "ssl.key.pem", "sasl.oauthbearer.client.secret"):
        assert is_secret(name)
    for name in ("sasl.password_command", "sasl.password_file", "client.id", "sasl.oauthbearer.token.endpoint.url"):
        assert not is_secret(name)


def test_of_a_command(tmp_path: Path) -> None:
    count = tmp_path / "count"
    command = f"echo run >> {count}; echo s3cret; echo more"
    for _ in range(2):
        assert told(overrides=(f"sasl.password_command={command}",)).properties == {"sasl.password": "s3cret"}
    assert count.read_text() == "run\n", "nobody is asked twice"
    assert told(KAFKACTL_CLIENT_SASL_PASSWORD_COMMAND="echo b").properties == {"sasl.password": "b"}


@pytest.mark.parametrize("stderr", [None, io.StringIO(), object()])
def test_of_a_command_without_a_file_for_errors(stderr: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    command = f"echo s3cret; echo {id(stderr)} >&2"  # the result of a command is kept
    assert told(overrides=(f"sasl.password_command={command}",)).properties == {"sasl.password": "s3cret"}


def test_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    file.write_text("s3cret\n")
    assert told(overrides=(f"ssl.key.password_file={file}",)).properties == {"ssl.key.password": "s3cret"}
    file.chmod(0o640)
    with pytest.raises(UsageError, match="others can read") as raised:
        told(overrides=(f"ssl.key.password_file={file}",))
    assert raised.value.hint == f"chmod 600 {file}"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("exit 3", "failed with status 3"),
        ("true", "the first line is empty"),
        ("echo", "the first line is empty"),
        (f"echo {'x' * 200_000}", r"sasl\.password_command: the command cannot be started: Argument list too long"),
    ],
)
def test_what_gives_none(command: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        told(overrides=(f"sasl.password_command={command}",))


def test_a_later_layer_wins_and_what_it_wins_over_is_not_run(tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.touch(mode=0o600)
    file.write_text("sasl.password=of-file\n")
    assert told(file, KAFKACTL_CLIENT_SASL_PASSWORD_COMMAND="exit 1").properties == {"sasl.password": "of-file"}
    assert told(file, ("sasl.password_command=echo x",)).properties == {"sasl.password": "x"}


def test_none_on_the_command_line() -> None:
    with pytest.raises(UsageError) as raised:
        told(overrides=("sasl.password=s3cret",))
    assert "s3cret" not in str(raised.value)
    assert "KAFKACTL_CLIENT_SASL_PASSWORD," in str(raised.value.hint)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("curl https://h/x | grep foo@bar", "curl https://h/x | grep foo@bar"),
        ("curl https://me:s3cret@h/x | grep a", "curl https://********@h/x | grep a"),
        ("get --token=https://h?token=s3cret a@b", "get --token=https://h?token=******** a@b"),
        ('get https://h?token="s3cret"', "get https://h?token=********"),
        ("get https://h?token='s3cret'", "get https://h?token=********"),
    ],
)
def test_urls_in_a_command(command: str, shown: str) -> None:
    """Only a word with :// is a URL: an @ behind it is no login."""
    assert hide_secret("sasl.password_command", command) == shown
    if shown == command:
        refuse_urls({"sasl.password_command": command}, "-X")
    else:
        with pytest.raises(UsageError, match=re.escape(f"-X sasl.password_command {shown}: others can read")):
            refuse_urls({"sasl.password_command": command}, "-X")


def test_a_file_that_others_can_read(tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.write_text("sasl.password=s3cret\nclient.id=me\n")
    file.chmod(0o644)
    (said,) = told(file).warnings
    assert said == f"{file} holds sasl.password, and others can read it: chmod 600 {file}"
    assert find_warning(file, ["client.id"]) is None
    file.chmod(0o600)
    assert told(file).warnings == ()


URL = "https://ann:s3cret@registry:8081"


def test_no_password_in_a_url_on_the_command_line() -> None:
    for name in ("schema.registry.url", "sasl.oauthbearer.token.endpoint.url"):
        with pytest.raises(UsageError, match="others can read the command line") as raised:
            told(overrides=(f"{name}={URL}",))
        assert "s3cret" not in str(raised.value) + str(raised.value.hint)
    assert told(KAFKACTL_CLIENT_SCHEMA_REGISTRY_URL=URL).registry == {"url": URL}


def test_a_password_that_is_no_url_is_not_shown_either() -> None:
    with pytest.raises(UsageError, match="invalid broker address: ") as raised:
        resolve("ann:s3cret@broker:9092", None, None, (), None, {})
    assert "s3cret" not in str(raised.value)


def test_hiding_leaves_everything_else() -> None:
    assert hide_in_urls(f"cannot reach {URL}/a and b:c@d") == f"cannot reach https://{HIDDEN}@registry:8081/a and b:c@d"
    assert hide_in_urls("https://host:8081/a?b=c") == "https://host:8081/a?b=c"


def test_a_password_may_have_what_ends_a_scheme() -> None:
    assert hide_in_url("ann:s3cret://b@h") == f"{HIDDEN}@h"
    assert hide_in_url("https://ann:s3cret://b@h") == f"https://{HIDDEN}@h"


@pytest.mark.parametrize(
    "url",
    [
        "http://ann:s3cret@h",
        "http://ann:pa/s3cret@h",
        "http://ann:p@s3cret@h",
        "http://s3cret@h",
        "http://ann:pa s3cret@h",
        "ann:s3cret@h",
        "http://h?token=s3cret",
        "http://h/a?x=1&client_secret=s3cret",
        "http://h/?token=a b's3cret",
        "http://h/?token='s3cret'",
        "http://h/?key=<s3cret>",
    ],
)
def test_a_secret_in_a_url_is_hidden_wherever_it_stands(url: str) -> None:
    assert "s3cret" not in hide_in_url(url)
    with pytest.raises(UsageError) as raised:
        refuse_in_url(url, "--schema-registry", "a file")
    assert "s3cret" not in str(raised.value)
    if "://" in url:
        assert "s3cret" not in hide_secret("schema.registry.url", url)
        assert set(url) & set(" '<") or "s3cret" not in hide_in_urls(f"at {url}: no answer")


PIECES = ["http://", "://", "@", "?", "&", "=", " ", "'", "token", "KEY", "a", "s3"]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_hiding_finds_what_a_search_from_each_place_finds(text: str) -> None:
    """The reference is simple, and takes time in proportion to the square of the text."""
    expected = re.sub(r"(?<=://)[^\s\"'<>]*@", f"{HIDDEN}@", text)
    name = r"(?i)([?&][^=&\s]*(?:token|secret|password|key)[^=&\s]*=)[^&\s\"'<>]+"
    assert hide_in_urls(text) == (re.sub(name, rf"\1{HIDDEN}", expected) if "://" in text else text)


@pytest.mark.parametrize("text", ["://", "?", "?token", "&key=", "a://b@", "://@"])
def test_hiding_takes_time_in_proportion_to_the_text(text: str) -> None:
    hide_in_urls("http://" + text * 100_000)  # minutes, if each place were searched to the end of the text


def test_a_file_of_another_user_runs_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "client.properties"
    file.touch(mode=0o600)
    file.write_text(f"sasl.password_command=touch {tmp_path}/ran; echo x\n")
    monkeypatch.setattr("os.geteuid", lambda: file.stat().st_uid + 1)
    if file.stat().st_uid == 0:
        os.chown(file, 1000, 1000)
    with pytest.raises(UsageError, match="the file belongs to another user"):
        told(file)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("held", ["sasl.password=s3cret", "sasl.password_command=echo x", "ssl.key.password.file=k"])
def test_a_file_that_others_can_write(tmp_path: Path, held: str) -> None:
    file = tmp_path / "client.properties"
    file.write_text(f"{held}\n")
    file.chmod(0o620)
    with pytest.raises(UsageError, match="others can write it"):
        told(file)
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o602)
    with pytest.raises(UsageError, match="others can write"):
        told(overrides=(f"sasl.password_file={secret}",))


def test_a_file_without_secrets_may_be_the_groups(tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.write_text("client.id=me\n")
    file.chmod(0o664)
    assert told(file).properties == {"client.id": "me"}


def test_completion_runs_no_command(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not run here"):
        resolve("a:1", None, None, (f"sasl.password_command=touch {tmp_path}/ran",), None, {}, runs_commands=False)
    assert not (tmp_path / "ran").exists()


def test_a_secret_that_is_not_utf_8(tmp_path: Path) -> None:
    """A replaced byte would be another password."""
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_bytes(b"s3\xffcret\n")
    with pytest.raises(UsageError, match="byte 2 of the first line is not UTF-8"):
        told(overrides=(f"sasl.password_file={secret}",))
    for bytes_ in (b"s3cret\r\n\xff", b"\xef\xbb\xbfs3cret\n"):  # an editor may write a byte order mark
        secret.write_bytes(bytes_)
        assert told(overrides=(f"ssl.key.password_file={secret}",)).properties == {"ssl.key.password": "s3cret"}
    for bytes_ in (b"", b"\r\ns3cret", b"\xef\xbb\xbf\n"):
        secret.write_bytes(bytes_)
        with pytest.raises(UsageError, match="the first line is empty"):
            told(overrides=(f"sasl.password_file={secret}",))
