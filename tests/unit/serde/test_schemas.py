"""Values that schemas describe, from files and from a registry that speaks over HTTP."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.serde import SchemaId
from confluent_kafka.serialization import MessageField, SerializationContext

from kafkactl.errors import FormatError, NotFoundError, UnreachableError, UsageError
from kafkactl.serde import json_schema
from kafkactl.serde.choice import Choice, choose_format
from kafkactl.serde.formats import Format
from kafkactl.serde.registry import Registry
from kafkactl.serde.schemas import JSON, PROTOBUF, Schema, WriteOptions, read_schema
from kafkactl.streams.properties import fill_defaults
from tests import registry as registries
from tests.fake_broker import HttpPeer

USER = {
    "type": "record", "name": "User", "namespace": "shop",
    "fields": [{"name": "id", "type": "long"}, {"name": "name", "type": ["null", "string"], "default": None}],
}  # fmt: skip
USER_PROTO = """syntax = "proto3";
package shop;
message Address { string city = 1; }
message User {
  message Tag { string text = 1; }
  int64 id = 1; string name = 2; Address home = 3; repeated Tag tags = 4;
}
"""
USER_JSON = {"title": "User", "type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}


@pytest.fixture
def registry() -> Iterator[registries.Registry]:
    with registries.serving() as served:
        yield served


def from_file(tmp_path: Path, name: str, text: str, format: str, message: str = "") -> Format:
    (tmp_path / name).write_text(text)
    return choose_format(Choice(name=format, schema=f"{tmp_path / name}{message}"), "value", "orders")


def from_registry(url: str, name: str = "registry", schema: Path | None = None, strategy: str = "topic") -> Format:
    return choose_format(
        Choice(name=name, schema=None if schema is None else str(schema), registry={"url": url}, strategy=strategy),
        "value",
        "orders",
    )


def test_avro_values(tmp_path: Path) -> None:
    format = from_file(tmp_path, "user.avsc", json.dumps(USER), "avro")
    data = format.to_bytes('{"id": 3, "name": {"string": "Kim"}}')
    assert data == b"\x06\x02\x06Kim"
    assert json.loads(format.to_text(data)) == {"id": 3, "name": {"string": "Kim"}}
    assert format.to_bytes('{"id": 3, "name": "Kim"}') == data  # plain json, where that is clear
    assert format.to_bytes('{"id": 0, "name": null}') == b"\x00\x00"
    for text in ('{"id": "x"}', "[", '{"id": 1, "name": null, "more": 1}'):
        with pytest.raises(FormatError):
            format.to_bytes(text)
    for wrong in (b"", b"\x06\x02\x06K", data + b"\0", b"\x06\x7f"):
        with pytest.raises(FormatError):
            format.to_text(wrong)


def test_protobuf_values(tmp_path: Path) -> None:
    format = from_file(tmp_path, "user.proto", USER_PROTO, "protobuf", ":shop.User")
    data = format.to_bytes('{"id": "3", "name": "Kim", "home": {"city": "Seoul"}, "tags": [{"text": "a"}]}')
    assert data[:2] == b"\x08\x03"
    assert json.loads(format.to_text(data))["home"] == {"city": "Seoul"}
    first = from_file(tmp_path, "user.proto", USER_PROTO, "protobuf")
    assert first.to_bytes('{"city": "x"}') == b"\x0a\x01x"
    with pytest.raises(FormatError, match=r"shop.User"):
        format.to_bytes('{"none": 1}')
    with pytest.raises(FormatError):
        format.to_text(b"\x0a\xff")


def test_protobuf_files_that_import_each_other(tmp_path: Path) -> None:
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "money.proto").write_text('syntax = "proto3"; package c; message Money { int64 cents = 1; }')
    text = """syntax = "proto3"; import "common/money.proto"; import "google/protobuf/timestamp.proto";
    message Order { c.Money total = 1; google.protobuf.Timestamp at = 2; }"""
    format = from_file(tmp_path, "order.proto", text, "protobuf")
    shown = '{"total": {"cents": "5"}, "at": "2026-11-21T00:00:00Z"}'
    assert json.loads(format.to_text(format.to_bytes(shown))) == json.loads(shown)


def test_json_schema_values(tmp_path: Path) -> None:
    format = from_file(tmp_path, "user.json", json.dumps(USER_JSON), "json-schema")
    assert format.to_bytes('{"id": 1}') == b'{"id": 1}'
    assert format.to_text(b"{}") == "{}"  # what is there is shown
    with pytest.raises(FormatError, match="'id' is a required property"):
        format.to_bytes("{}")
    with pytest.raises(FormatError, match="character 10 is not UTF-8"):
        format.from_input(b'{"name":"\xff"}')


def test_a_protobuf_schema_in_a_registry_needs_the_extra(
    registry: registries.Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.proto").write_text('syntax = "proto3"; message A { int32 id = 1; }')
    monkeypatch.setitem(sys.modules, "grpc_tools", None)
    format = from_registry(registry.url, "protobuf", tmp_path / "a.proto")
    with pytest.raises(UsageError, match="PROTOBUF needs grpc_tools"):
        format.to_bytes("{}")


@pytest.mark.parametrize(
    ("format", "text", "told"),
    [
        ("avro", "{", "invalid Avro schema"),
        ("avro", '{"type": "record"}', "invalid Avro schema"),
        ("avro", '"Unknown"', "invalid Avro schema"),
        (
            "avro",
            '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}]}',
            "record R has the field a twice",
        ),
        ("avro", '["null", {"type": "enum", "name": "E", "symbols": "AB"}]', "the symbols of enum E are no list"),
        ("avro", '{"type": "array", "items": {"type": "fixed", "name": "F", "size": "x"}}', "the size of fixed F"),
        ("avro", '{"type": "fixed", "name": "F", "size": -1}', "the size of fixed F"),
        ("protobuf", "message {", "invalid Protobuf schema: line 1"),
        ("json-schema", '{"type": 3}', "invalid JSON Schema"),
        ("json-schema", "1", "invalid JSON Schema"),
        ("json-schema", "[" * 100_000, "invalid JSON Schema"),
        ("avro", "[" * 100_000, "invalid Avro schema"),
    ],
)
def test_schemas_that_are_none(tmp_path: Path, format: str, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        from_file(tmp_path, "schema.proto", text, format)


def test_json_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    for schema, text in (("{}", "[" * 100_000), ('{"items": {"$ref": "#"}}', "[" * 500 + "]" * 500)):
        with pytest.raises(FormatError, match="is nested too deeply"):
            from_file(tmp_path, "schema.json", schema, "json-schema").to_bytes(text)


def test_wrong_choices(tmp_path: Path) -> None:
    for choice, told in (
        (Choice(name="avro"), "needs a schema"),
        (Choice(name="string", schema="x.avsc"), "--value-schema is only for the formats avro"),
        (Choice(name="string", writes=WriteOptions(5)), "--value-schema-id is only for the formats avro"),
        (
            Choice(name="int", registry={"url": "http://127.0.0.1:1"}, writes=WriteOptions(5)),
            "--value-schema-id is only",
        ),
        (Choice(name="avro", schema=str(tmp_path / "none")), "cannot read schema"),
        (Choice(name="avro", schema=str(tmp_path / "a\0b")), "cannot read schema"),
        (Choice(name="protobuf", schema=str(tmp_path / "a\0b:M")), "cannot read schema"),
        (Choice(name="nothing"), "unknown format 'nothing'"),
        (
            Choice(name="registry", schema="x.avsc", registry={"url": "http://127.0.0.1:1"}),
            "the language of --value-schema is missing",
        ),
        (
            Choice(name="avro", schema=None, registry={"url": "http://127.0.0.1:1"}, strategy="mine"),
            "invalid value 'mine' for --subject-strategy",
        ),
        (Choice(name="avro", schema=None, registry={"url": "nowhere"}), "invalid setting of the schema registry"),
    ):
        with pytest.raises(UsageError, match=told):
            choose_format(choice, "value", "orders")
    (tmp_path / "user.proto").write_text(USER_PROTO)
    with pytest.raises(UsageError, match=r"no message shop.None"):
        choose_format(Choice(name="protobuf", schema=f"{tmp_path / 'user.proto'}:shop.None"), "value", "orders")


def test_confluents_own_serializers_are_understood(registry: registries.Registry) -> None:
    client = SchemaRegistryClient({"url": registry.url})
    context = SerializationContext("orders", MessageField.VALUE)
    avro = AvroSerializer(client, json.dumps(USER))({"id": 3, "name": "Kim"}, context)
    text = JSONSerializer(json.dumps({**USER_JSON, "$schema": "http://json-schema.org/draft-07/schema#"}), client)
    as_json = text({"id": 7}, SerializationContext("others", MessageField.VALUE))
    format = from_registry(registry.url)
    assert avro is not None
    assert as_json is not None
    assert json.loads(format.to_text(avro)) == {"id": 3, "name": {"string": "Kim"}}
    assert json.loads(format.to_text(as_json)) == {"id": 7}
    assert format.to_bytes('{"id": 3, "name": "Kim"}') == avro  # by the subject's newest


def test_ids_in_headers(registry: registries.Registry) -> None:
    """As Confluent's serializers write them on request: a GUID in a header, the value without anything before it."""
    client = SchemaRegistryClient({"url": registry.url})
    settings = {"schema.id.serializer": header_schema_id_serializer}
    user = {"id": 3, "name": None}
    json_text = json.dumps({**USER_JSON, "$schema": "http://json-schema.org/draft-07/schema#"})
    for topic, serializer, value in (
        ("a", AvroSerializer(client, json.dumps(USER), conf=settings), user),
        ("b", JSONSerializer(json_text, client, conf=settings), {"id": 7}),
    ):
        headers: list[tuple[str, bytes | None]] = [("h", b"other"), ("none", None)]
        data = serializer(value, SerializationContext(topic, MessageField.VALUE, headers))
        assert data is not None
        assert [name for name, _ in headers] == ["h", "none", "__value_schema_id"]
        format = from_registry(registry.url)
        assert json.loads(format.to_text(format.add_schema_id(data, headers))) == value
        with pytest.raises(FormatError):
            format.to_text(data)
        assert format.add_schema_id(data, headers[:2]) == data
    registry.register("c", {"schema": USER_PROTO, "schemaType": "PROTOBUF"})
    tag = SchemaId("PROTOBUF", None, registries.guid(registry.schemas[-1]), [1, 0]).guid_to_bytes()
    assert from_registry(registry.url).to_text(tag + b"\x0a\x01x") == '{"text": "x"}'
    strange = b"\1" + bytes(16)
    with pytest.raises(FormatError, match=r"schema 00000000-.* not found in the schema registry"):
        from_registry(registry.url).to_text(strange)


@pytest.mark.parametrize(
    ("name", "file", "text", "value", "begin", "strategy", "subject"),
    [
        (
            "avro",
            "u.avsc",
            json.dumps(USER),
            '{"id": 1, "name": null}',
            b"\0\0\0\0\x01\x02\x00",
            "topic",
            "orders-value",
        ),
        ("avro", "u.avsc", json.dumps(USER), '{"id": 1, "name": null}', b"\0\0\0\0\x01", "record", "shop.User"),
        (
            "protobuf",
            "u.proto",
            USER_PROTO,
            '{"city": "x"}',
            b"\0\0\0\0\x01\x00\x0a",
            "topic-record",
            "orders-shop.Address",
        ),
        (
            "protobuf",
            "u.proto:shop.User",
            USER_PROTO,
            '{"id": "1"}',
            b"\0\0\0\0\x01\x02\x02\x08",
            "record",
            "shop.User",
        ),
        (
            "protobuf",
            "u.proto:shop.User.Tag",
            USER_PROTO,
            '{"text": "a"}',
            b"\0\0\0\0\x01\x04\x02\x00",
            "topic",
            "orders-value",
        ),
        ("json-schema", "u.json", json.dumps(USER_JSON), '{"id": 1}', b"\0\0\0\0\x01{", "topic-record", "orders-User"),
    ],
)
def test_schemas_are_registered_and_found_again(
    registry: registries.Registry,
    tmp_path: Path,
    name: str, file: str, text: str, value: str, begin: bytes, strategy: str, subject: str,
) -> None:  # fmt: skip
    (tmp_path / file.partition(":")[0]).write_text(text)
    data = from_registry(registry.url, name, tmp_path / file, strategy).to_bytes(value)
    assert data.startswith(begin)
    assert registry.subjects == {subject: [1]}
    assert json.loads(from_registry(registry.url).to_text(data)) == json.loads(value)


def test_references(registry: registries.Registry) -> None:
    order = {"type": "record", "name": "Order", "namespace": "shop", "fields": [{"name": "by", "type": "shop.User"}]}
    registry.register("users", {"schema": json.dumps(USER)})
    reference = [{"name": "shop.User", "subject": "users", "version": 1}]
    registry.register("orders-value", {"schema": json.dumps(order), "references": reference})
    format = from_registry(registry.url, "avro")
    data = format.to_bytes('{"by": {"id": 1, "name": null}}')
    assert data == b"\0\0\0\0\x02\x02\x00"
    assert json.loads(format.to_text(data)) == {"by": {"id": 1, "name": None}}
    registry.register(
        "money", {"schema": 'syntax = "proto3"; message Money { int64 cents = 1; }', "schemaType": "PROTOBUF"}
    )
    total = 'syntax = "proto3"; import "money.proto"; message Total { Money sum = 1; }'
    imports = [{"name": "money.proto", "subject": "money", "version": 1}]
    registry.register("orders-value", {"schema": total, "schemaType": "PROTOBUF", "references": imports})
    format = from_registry(registry.url, "protobuf")
    assert json.loads(format.to_text(format.to_bytes('{"sum": {"cents": "5"}}'))) == {"sum": {"cents": "5"}}


def test_references_in_a_circle(registry: registries.Registry) -> None:
    """A registry of today takes none, but its answers are not ours."""
    schemas = {
        name: {
            "schema": json.dumps({"$ref": other}),
            "schemaType": "JSON",
            "references": [{"name": other, "subject": other, "version": 1}],
        }
        for name, other in (("a", "b"), ("b", "c"), ("c", "b"))
    }
    registry.schemas += schemas.values()
    registry.subjects |= {name: [number] for number, name in enumerate(schemas, 1)}
    assert set(Registry({"url": registry.url}).find_by_id(1).references) == {"b", "c"}


@pytest.mark.parametrize("name", ["ssl.ca.location", "ssl.certificate.location"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_files_of_certificates_that_cannot_be_read(tmp_path: Path, name: str, content: str | None) -> None:
    path = tmp_path / "some.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=r"certificates or keys of the schema registry cannot be read: .") as caught:
        Registry({"url": "https://127.0.0.1:1", name: str(path)})
    assert "schema.registry.ssl.ca.location" in str(caught.value.hint)


@pytest.mark.parametrize(
    "text",
    ["5", '"x"', "[]", "null", '{"$schema": 1}', '{"$schema": null}', "[{}]", '{"type": "x"}', '{"pattern": "("}'],
)
def test_texts_that_are_no_json_schema(text: str) -> None:
    with pytest.raises(UsageError, match=r"invalid JSON Schema: ."):
        json_schema.make_format(Schema(JSON, text))
    try:
        format = json_schema.make_format(Schema(JSON, '{"$ref": "other"}', {"other": text}))
    except UsageError:
        return
    with pytest.raises(FormatError, match=r"cannot be checked against the JSON Schema: ."):
        format.to_bytes('"x"')


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ({"type": "nothing"}, 1),
        ({"pattern": "("}, "x"),
        ({"properties": [1]}, {"a": 1}),
        ({"properties": {"a": 5}}, {"a": 1}),
        ({"items": "x"}, [1]),
        ({"required": 5}, {}),
        ({"maximum": "x"}, 5),
        ({"multipleOf": 0}, 5),
        ({"multipleOf": 0.5}, 10**400),
        ({"$ref": 5}, 5),
        ({"$ref": "#/nowhere"}, 5),
    ],
)
def test_parts_of_a_json_schema_that_are_wrong(part: object, value: object) -> None:
    """The rules for JSON Schemas cover neither references nor parts under names of one's own."""
    for schema in (
        Schema(JSON, '{"$ref": "other"}', {"other": json.dumps(part)}),
        Schema(JSON, json.dumps({"$ref": "#/own", "own": part})),
    ):
        with pytest.raises(FormatError, match="JSON Schema"):
            json_schema.make_format(schema).to_bytes(json.dumps(value))


def test_what_a_registry_refuses() -> None:
    with registries.serving(login="me:secret") as registry:
        with pytest.raises(UnreachableError, match="refused the login"):
            Registry({"url": registry.url}).find_by_id(1)
        known = Registry({"url": registry.url, "basic.auth.user.info": "me:secret"})
        with pytest.raises(NotFoundError, match="schema 1 not found in the schema registry"):
            known.find_by_id(1)
        with pytest.raises(NotFoundError, match="subject orders-value not found in the schema registry"):
            known.find_latest("orders-value")
        url = registry.url
    with pytest.raises(UnreachableError, match="cannot reach the schema registry"):
        Registry({"url": url, "max.retries": "0"}).find_by_id(1)


@pytest.mark.parametrize("proxy", ["http://a:b:c", "nonsense", "ftp://h:1"])
def test_a_wrong_proxy_is_wrong_usage(proxy: str) -> None:
    with pytest.raises(UsageError, match="invalid setting of the schema registry"):
        Registry({"url": "http://127.0.0.1:1", "proxy": proxy})


def test_a_token_endpoint_that_is_not_there() -> None:
    settings = {
        "url": "http://127.0.0.1:1",
        "max.retries": "0",
        "bearer.auth.credentials.source": "OAUTHBEARER",
        "bearer.auth.issuer.endpoint.url": "http://127.0.0.1:1/token",
        "bearer.auth.client.id": "me",
        "bearer.auth.client.secret": "s3cret",
        "bearer.auth.scope": "x",
        "bearer.auth.logical.cluster": "lsrc-1",
        "bearer.auth.identity.pool.id": "pool-1",
    }
    with pytest.raises(UnreachableError) as raised:
        Registry(settings).find_by_id(1)
    assert "s3cret" not in str(raised.value)


def test_a_pipe_beside_a_schema_is_no_import(tmp_path: Path) -> None:
    """To read it would wait for a writer."""
    (tmp_path / "a.proto").write_text('syntax="proto3"; message A { int32 x = 1; }')
    os.mkfifo(tmp_path / "b.proto")
    (tmp_path / "c.proto").mkdir()
    assert read_schema(str(tmp_path / "a.proto"), PROTOBUF).references == {}


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("a.avsc", '{"type": "record", "name": "A", "fields": []}', "avro"),
        ("a.proto", 'syntax="proto3"; message A { int32 n = 1; }', "protobuf"),
        ("a.json", '{"additionalProperties": false}', "json-schema"),
        ("a.json", '{"maxProperties": 0}', "json-schema"),
    ],
)
def test_an_error_does_not_have_the_whole_of_a_large_value(tmp_path: Path, name: str, text: str, format: str) -> None:
    with pytest.raises(FormatError) as raised:
        from_file(tmp_path, name, text, format).to_bytes(json.dumps({"x" * 1_000_000: 1}))
    assert len(str(raised.value)) < 500
    assert "\n" not in str(raised.value)


def test_a_folder_that_vanishes_beside_a_schema_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as those of other programs in /tmp."""
    for name in ("a.proto", "gone/b.proto", "stays/c.proto"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('syntax="proto3";')
    scandir = os.scandir

    def remove_and_scan(path: Any) -> Any:
        if Path(path).name == "gone":
            (tmp_path / "gone/b.proto").unlink()
            (tmp_path / "gone").rmdir()
        return scandir(path)

    monkeypatch.setattr(os, "scandir", remove_and_scan)
    assert read_schema(str(tmp_path / "a.proto"), PROTOBUF).references == {"stays/c.proto": 'syntax="proto3";'}


@pytest.mark.parametrize("data", [b"", b"plain", b"\0\0\0", b"\1\0\0\0\1x"])
def test_bytes_without_a_registrys_header(registry: registries.Registry, data: bytes) -> None:
    with pytest.raises(FormatError, match="do not begin"):
        from_registry(registry.url).to_text(data)


def test_the_newest_schema_in_another_language(registry: registries.Registry) -> None:
    registry.register("orders-value", {"schema": json.dumps(USER)})
    with pytest.raises(UsageError, match="is AVRO, not PROTOBUF"):
        from_registry(registry.url, "protobuf").to_bytes("{}")


def test_a_subject_named_after_its_topic_needs_no_name_of_the_schema(
    registry: registries.Registry, tmp_path: Path
) -> None:
    (tmp_path / "s.json").write_text('{"type": "integer"}')
    assert from_registry(registry.url, "json-schema", tmp_path / "s.json").to_bytes("7").endswith(b"7")
    assert registry.subjects == {"orders-value": [1]}
    with pytest.raises(UsageError, match="has no name for its subject"):
        from_registry(registry.url, "json-schema", tmp_path / "s.json", "record").to_bytes("7")


def test_a_schema_is_only_registered_where_it_may_be(registry: registries.Registry, tmp_path: Path) -> None:
    file = tmp_path / "user.avsc"
    file.write_text(json.dumps(USER))

    def written(writes: WriteOptions, schema: Path | None = None) -> bytes:
        choice = Choice(
            name="avro", schema=None if schema is None else str(schema), registry={"url": registry.url}, writes=writes
        )
        return choose_format(choice, "value", "orders").to_bytes('{"id": 3, "name": null}')

    with pytest.raises(NotFoundError, match="this schema under subject orders-value not found"):
        written(WriteOptions(registers=False), file)
    assert registry.subjects == {}
    registered = written(WriteOptions(), file)
    assert written(WriteOptions(registers=False), file) == registered
    assert written(WriteOptions(schema_id=1)) == registered
    with pytest.raises(NotFoundError, match="schema 9"):
        written(WriteOptions(schema_id=9))
    with pytest.raises(UsageError, match="--value-schema-id"):
        written(WriteOptions(schema_id=1), file)


@pytest.mark.parametrize("data", [b"\0\0\0\0\x09x", b"\0\0\0\0\x01\x02\x0ax"])
def test_records_whose_schema_is_not_there_are_faults_of_their_own(registry: registries.Registry, data: bytes) -> None:
    """--skip-message-on-error goes on after them."""
    registry.register("s", {"schema": 'syntax = "proto3"; message M { int64 id = 1; }', "schemaType": "PROTOBUF"})
    with pytest.raises(FormatError):
        from_registry(registry.url).to_text(data)


def test_confluents_properties_point_to_flags() -> None:
    for name in ("schema.registry.url", "value.schema", "basic.auth.credentials.source"):
        with pytest.raises(UsageError, match=f"--property {name}: kafkactl has an option for it"):
            fill_defaults({name: "x"}, {"parse.key": "false"}, "reader")


@pytest.mark.parametrize("answer", ["<html>", "[]", "7", '{"x": 1}'])
def test_a_server_that_is_no_registry(answer: str) -> None:
    with pytest.raises(UnreachableError, match="is no schema registry"):
        Registry({"url": "http://localhost:1"})._request(lambda: json.loads(answer)["schema"], "a schema")


@pytest.mark.parametrize(
    ("schema", "error", "reason"),
    [
        ({"schema": "<x/>", "schemaType": "XML"}, FormatError, "unknown type of schema: 'XML'"),
        ({"schemaType": "PROTOBUF"}, UnreachableError, "its answer cannot be read"),
        ({}, UnreachableError, "its answer cannot be read"),
        ({"schema": None, "schemaType": "AVRO"}, UnreachableError, "its answer cannot be read"),
    ],
)
def test_a_schema_of_a_strange_registry(
    registry: registries.Registry, schema: dict[str, Any], error: type[Exception], reason: str
) -> None:
    registry.register("s", schema)
    with pytest.raises(error, match=reason):
        from_registry(registry.url).to_text(b"\0\0\0\0\x01\x02")


def test_a_schema_of_another_language_is_refused(registry: registries.Registry) -> None:
    """Also one that is chosen by its id: its values would have another form."""
    registry.register("orders-value", {"schema": '{"type": "integer"}', "schemaType": "JSON"})
    for writes, subject in ((WriteOptions(schema_id=1), "schema 1"), (WriteOptions(), "subject orders-value")):
        for language, wanted in (("avro", "AVRO"), ("protobuf", "PROTOBUF")):
            choice = Choice(name=language, schema=None, registry={"url": registry.url}, writes=writes)
            with pytest.raises(UsageError, match=f"{subject} is JSON, not {wanted}"):
                choose_format(choice, "value", "orders").to_bytes("7")
        choice = Choice(name="registry", schema=None, registry={"url": registry.url}, writes=writes)
        assert choose_format(choice, "value", "orders").to_bytes("7").endswith(b"7")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_number_that_cannot_be_checked_is_json(text: str) -> None:
    chosen = json_schema.make_format(Schema(JSON, '{"multipleOf": 0.5}'))
    with pytest.raises(FormatError, match="cannot be checked against the JSON Schema"):
        chosen.to_bytes(text)
    with pytest.raises(FormatError, match="is not JSON"):
        chosen.to_bytes("{")


@pytest.mark.parametrize("body", ["<html>", "{}", '{"detail": "Not Found"}', '{"error_code": null}', "[]"])
def test_status_404_of_a_server_that_is_no_registry(body: str) -> None:
    """A wrong address must not look like records whose schema is missing."""
    with HttpPeer(status=404, body=body) as peer:
        client = Registry({"url": f"http://{peer.address}", "max.retries": "0"})
        with pytest.raises(UnreachableError, match="is no schema registry"):
            client.find_by_id(1)


STRANGE: tuple[Any, ...] = (None, "", "5", -1, 2**32, True, [None], {"name": None})


@pytest.mark.slow
@pytest.mark.parametrize("request_name", ["find_by_id", "find_latest", "register", "look_up"])
def test_each_strange_field_of_an_answer_is_an_error_or_of_no_effect(
    registry: registries.Registry, request_name: str
) -> None:
    text = '{"type": "record", "name": "R", "fields": []}'
    base = {"name": "b", "subject": "base", "version": 1}
    registry.register("base", {"schema": '"string"'})
    registry.register("s", {"schema": text, "references": [base]})
    registry.register("t", {"schema": text, "schemaType": "AVRO"})
    requests: dict[str, Callable[[Registry], Any]] = {
        "find_by_id": lambda client: client.find_by_id(2),
        "find_latest": lambda client: client.find_latest("s"),
        "register": lambda client: client.register_schema("t", Schema("AVRO", text)),
        "look_up": lambda client: client.register_schema("t", Schema("AVRO", text), registers=False),
    }
    request = requests[request_name]
    right = request(Registry({"url": registry.url}))
    answers: list[Any] = []
    registry.change = lambda answer: answers.append(answer) or answer
    request(Registry({"url": registry.url}))
    assert answers
    refused = 0
    for number, answer in enumerate(answers):
        for changed in list_strange(answer):
            registry.change = replace_answer(number, changed)
            try:
                found = request(Registry({"url": registry.url, "max.retries": "0"}))
            except (UnreachableError, NotFoundError):
                refused += 1
            else:
                assert type(found) is type(right), changed
                assert all(map(is_sound, found if isinstance(found, tuple) else [found])), changed
    assert refused > 10


def replace_answer(number: int, changed: Any) -> Callable[[Any], Any]:
    """Return a change of answers that replaces one of them, with this number from 0 on."""
    numbers = count()
    return lambda answer: changed if next(numbers) == number else answer


def is_sound(found: int | Schema) -> bool:
    """Return whether an id fits into a record, or all parts of a schema are texts."""
    if isinstance(found, Schema):
        parts = (found.language, found.text, *found.references, *found.references.values())
        return all(isinstance(part, str) for part in parts)
    return type(found) is int and 0 <= found < 2**32


def list_strange(answer: Any) -> Iterator[Any]:
    """An answer with each of its fields missing or of another type, and with another type as a whole."""
    yield from STRANGE
    for name in answer:
        yield {key: value for key, value in answer.items() if key != name}
        yield from ({**answer, name: value} for value in STRANGE)
    for name, values in answer.items():
        if isinstance(values, list):
            yield from ({**answer, name: [values[0] | {key: value}]} for key in values[0] for value in STRANGE)


def test_an_answer_that_is_nested_too_deeply_is_no_registrys(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry({"url": "http://localhost:1"})
    monkeypatch.setattr(registry, "_client", Mock(get_schema=lambda _: json.loads("[" * 100_000)))
    with pytest.raises(UnreachableError, match="its answer cannot be read"):
        registry.find_by_id(1)


def test_a_chain_of_references_without_an_end_is_no_answer_of_a_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = count()

    def answer(*_: object) -> Any:
        reference = SimpleNamespace(name=f"n{next(numbers)}", subject="s", version=1)
        return SimpleNamespace(references=[reference], schema_str="{}", schema_type=None)

    client = SimpleNamespace(get_schema=answer, get_version=lambda *_: SimpleNamespace(schema=answer()))
    registry = Registry({"url": "http://localhost:1"})
    monkeypatch.setattr(registry, "_client", client)
    with pytest.raises(UnreachableError, match="its answer cannot be read"):
        registry.find_by_id(1)


NUMBERS = ("timeout", "max.retries", "retries.wait.ms", "retries.max.wait.ms", "cache.capacity", "cache.latest.ttl.sec")


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("text", ["-1", "nan", "inf", "-inf", "1e300", "", "x", "5s"])
def test_a_wrong_number_of_a_registry_is_refused(name: str, text: str) -> None:
    with pytest.raises(
        UsageError, match=f"schema registry: {name} must be a number from [01] to 2147483647, not '{text}'"
    ):
        Registry({"url": "http://localhost:1", name: text})


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("text", ["0", "0.5", "20", "2147483647"])
def test_each_number_of_a_registry_is_usable(registry: registries.Registry, name: str, text: str) -> None:
    if name == "timeout" or (name == "cache.capacity" and float(text) < 1):
        text = {"0": "60", "0.5": "60.5"}.get(text, text)  # a small timeout is too short for an answer
    client = Registry({"url": registry.url, name: text})
    for _ in range(2):
        number = client.register_schema("s", Schema("AVRO", '"string"'))
        assert client.find_latest("s") == (number, client.find_by_id(number))


@pytest.mark.parametrize(("lasts_s", "count_of_requests"), [(10.0, 2), (-1.0, 40)])
def test_a_schema_that_is_missing_is_not_asked_for_with_every_record(
    registry: registries.Registry, monkeypatch: pytest.MonkeyPatch, lasts_s: float, count_of_requests: int
) -> None:
    monkeypatch.setattr("kafkactl.serde.registry._REFUSED_FOR_S", lasts_s)
    asked: list[int | str] = []
    find = Registry.find_by_id
    monkeypatch.setattr(Registry, "find_by_id", lambda self, name: asked.append(name) or find(self, name))
    format = from_registry(registry.url)
    for _ in range(20):
        for number in (8, 9):
            with pytest.raises(FormatError):
                format.to_text(b"\0" + number.to_bytes(4, "big") + b"value")
    assert len(asked) == count_of_requests
