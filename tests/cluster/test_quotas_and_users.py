from __future__ import annotations

import json

import pexpect

from tests.clusters import RunningCluster, eventually


def rows(cluster: RunningCluster, *arguments: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(cluster.cli.ok(*arguments, "-o", "json"))
    return found


def quotas(cluster: RunningCluster, *whose: object) -> dict[str, object]:
    return {str(row["name"]): row["value"] for row in rows(cluster, "quotas", "list", *whose)}


def test_quotas_of_a_user_a_client_and_both(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    cli.ok("quotas", "set", "--user", name, "producer_byte_rate=1048576", "request_percentage=12.5")
    cli.ok("quotas", "set", "--user", name, "--client", "app", "consumer_byte_rate=5")
    eventually(lambda: quotas(cluster, "--user", name) == {"producer_byte_rate": 1048576.0, "request_percentage": 12.5})
    eventually(lambda: quotas(cluster, "--user", name, "--client", "app") == {"consumer_byte_rate": 5.0})
    listed = [row for row in rows(cluster, "quotas", "list") if row["user"] == name]
    assert [(row["client_id"], row["name"]) for row in listed] == [
        (None, "producer_byte_rate"),
        (None, "request_percentage"),
        ("app", "consumer_byte_rate"),
    ]
    cli.ok("quotas", "unset", "--user", name, "request_percentage")
    eventually(lambda: set(quotas(cluster, "--user", name)) == {"producer_byte_rate"})
    again = cli("quotas", "unset", "--user", name, "request_percentage", check=1)
    assert "cannot delete limits that are not set: request_percentage" in again.stderr


def test_default_quotas_are_named(kraft: RunningCluster, name: str) -> None:
    kraft.cli.ok("quotas", "set", "--user", name, "--client-defaults", "producer_byte_rate=7")
    eventually(lambda: "<default>" in kraft.cli.ok("quotas", "list", "--user", name, "--client-defaults"))
    assert kraft.cli.ok("quotas", "list", "--user", name, "--client-defaults").split()[-5:] == [
        name, "<default>", "-", "producer_byte_rate", "7"
    ]  # fmt: skip


def test_wrong_quotas_change_nothing(cluster: RunningCluster, name: str) -> None:
    for arguments, status, reason in (
        (["--user", name, "speed=1"], 2, f"invalid limit of user {name}: speed"),
        (["--user", name, "producer_byte_rate=fast"], 2, "not a number"),
        (["--user", name, "producer_byte_rate"], 2, "not name=value"),
        (["--user", name, "producer_byte_rate=1", "consumer_byte_rate=-1"], 1, "consumer_byte_rate"),
        (["producer_byte_rate=1"], 2, "missing option: --user, --client or --ip"),
        (
            ["--ip", "10.0.0.1", "--user", name, "connection_creation_rate=1"],
            2,
            "an ip and a user or client are mutually exclusive",
        ),
    ):
        assert reason in cluster.cli("quotas", "set", *arguments, check=status).stderr
    assert quotas(cluster, "--user", name) == {}
    dry = cluster.cli.ok("quotas", "set", "--user", name, "producer_byte_rate=1", "--dry-run")
    assert "would be taken" in dry
    assert quotas(cluster, "--user", name) == {}


def test_credentials_by_file_and_stdin(cluster: RunningCluster, name: str) -> None:
    cli = cluster.cli
    file = cli.home / f"{name}.password"
    file.write_text("s3cret\n")
    file.chmod(0o644)
    flags = ["--mechanism", "SCRAM-SHA-256", "--password-file", file]
    assert f"hint: chmod 600 {file}" in cli("users", "set", name, *flags, check=2).stderr
    file.chmod(0o600)
    cli.ok("users", "set", name, *flags)
    said = cli.ok("users", "set", name, "--iterations", 8192, "--password-file", "-", input="other\n")
    assert "other" not in said

    def credentials() -> list[tuple[object, object]]:
        done = cli("users", "list", name, "-o", "json")
        return [(row["mechanism"], row["iterations"]) for row in json.loads(done.stdout or "[]")]

    eventually(lambda: credentials() == [("SCRAM-SHA-256", 4096), ("SCRAM-SHA-512", 8192)])
    assert "there is no terminal to ask at" in cli("users", "delete", name, check=2).stderr
    cli.ok("users", "delete", name, "--mechanism", "scram-sha-256", "--yes")
    eventually(lambda: credentials() == [("SCRAM-SHA-512", 8192)])
    cli.ok("users", "delete", name, "--yes")
    eventually(lambda: credentials() == [])
    assert f"credentials not found: {name}" in cli("users", "list", name, check=1).stderr


def test_wrong_credentials(cluster: RunningCluster, name: str) -> None:
    for arguments, status, reason in (
        ([name], 2, "cannot ask for the password: standard input is not a terminal"),
        ([name, "--mechanism", "PLAIN", "--password-file", "-"], 2, "invalid SCRAM mechanism 'PLAIN'"),
        ([name, "--iterations", 100, "--password-file", "-"], 2, "too few"),
        ([name, "--iterations", 99999, "--password-file", "-"], 2, "iterations"),
        ([name, "--password-file", "no-such-file"], 2, "no-such-file"),
    ):
        assert reason.lower() in cluster.cli("users", "set", *arguments, input="x\n", check=status).stderr.lower()
    assert (
        "the password is empty" in cluster.cli("users", "set", name, "--password-file", "-", input="", check=2).stderr
    )
    assert cluster.cli("users", "list", name).returncode == 1


def test_the_password_is_asked_for_twice_and_not_shown(kraft: RunningCluster, name: str) -> None:
    command, *arguments = kraft.cli.command("users", "set", name)
    terminal = pexpect.spawn(command, arguments, env=kraft.cli.full_environment(), encoding="utf-8", timeout=30)
    for question in ("password for", "repeat the password"):
        terminal.expect(question)
        terminal.sendline("s3cret")
    terminal.expect(pexpect.EOF)
    assert "s3cret" not in (terminal.before or "")
    assert "SCRAM-SHA-512 with 4096" in (terminal.before or "")


def test_users_and_quotas_by_pattern(kraft: RunningCluster, name: str) -> None:
    cli = kraft.cli
    for user in (f"{name}-a", f"{name}-b"):
        cli.ok("users", "set", user, "--password-file", "-", input="secret\n")
        cli.ok("quotas", "set", "--user", user, "producer_byte_rate=1000")
    for noun in ("users", "quotas"):
        shown = cli.ok(noun, "list", "--match", f"{name}-[ac]")
        assert f"{name}-a" in shown
        assert f"{name}-b" not in shown
        assert "no-such-.*" in cli(noun, "list", "--match", "no-such-.*", check=1).stderr
        assert cli(noun, "list", "--match", "(", check=2).stderr.startswith("error: ")
    both = cli.ok("users", "list", f"{name}-b", "--match", f"{name}-[ac]")
    assert f"{name}-a" in both
    assert f"{name}-b" in both
