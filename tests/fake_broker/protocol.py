"""Kafka's frames as dicts: requests are decoded and answers encoded by kafka-python's protocol classes."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from kafka.protocol import admin, consumer, metadata, producer, sasl
from kafka.protocol.api_key import ApiKey
from kafka.protocol.api_message import ApiMessage

from kafkactl.connection import messages

Fields = dict[str, Any]
"""A message or a part of it: kafka-python's names of fields, lists for arrays, dicts for structs."""

UNSUPPORTED_VERSION = 35
_ROOMS = (metadata, admin, consumer, producer, sasl, messages)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as a broker read it. Fields that its version does not have are absent."""

    api: str
    key: int
    version: int
    correlation_id: int
    client_id: str | None
    fields: Fields
    broker_id: int
    time_s: float = field(default_factory=time.monotonic)
    body: bytes = b""


@dataclass(frozen=True)
class Api:
    """One kind of request: its name, its number and its two classes."""

    name: str
    key: int
    request: Any
    answer: Any

    @property
    def max_version(self) -> int:
        """Return the highest version that both classes know."""
        return int(min(self.request.max_version, self.answer.max_version))


@cache
def apis() -> dict[int, Api]:
    """Return every kind of request that there are classes for, by its number."""
    requests = {kind.API_KEY: kind for kind in _message_classes("Request")}
    answers = {kind.API_KEY: kind for kind in _message_classes("Response")}
    return {
        key: Api(requests[key].name.removesuffix("Request"), key, requests[key], answers[key])
        for key in sorted(requests.keys() & answers.keys())
    }


def _message_classes(ending: str) -> Iterator[Any]:
    for room in _ROOMS:
        for name, kind in vars(room).items():
            if (
                name.endswith(ending)
                and isinstance(kind, type)
                and issubclass(kind, ApiMessage)
                and hasattr(kind, "_json")
            ):
                yield kind


def api_name(key: int) -> str:
    """Return the name of a kind of request, also of one without classes."""
    if key in apis():
        return apis()[key].name
    return ApiKey(key).name if key in list(ApiKey) else f"Api{key}"


def api_key(name: str) -> int:
    """Return the number of a kind of request; raises KeyError for a name that Kafka does not have."""
    keys = {api.name: api.key for api in apis().values()}
    return keys[name] if name in keys else int(ApiKey[name])


def decode_request(frame: bytes, broker_id: int) -> Request:
    """Return the request of a frame; its fields are {} where no class knows the version. Raises ValueError."""
    try:
        key, version, correlation_id, length = struct.unpack_from(">hhih", frame)
        client_id = None if length < 0 else frame[10 : 10 + length].decode()
        api = apis().get(key)
        known = api is not None and 0 <= version <= api.max_version
        fields = api.request.decode(frame, version=version, header=True).to_dict(json=False) if api and known else {}
    except (struct.error, LookupError, TypeError) as error:
        raise ValueError(f"no request of Kafka: {error!r}") from error
    return Request(
        api=api_name(key),
        key=key,
        version=version,
        correlation_id=correlation_id,
        client_id=client_id,
        fields=fields,
        broker_id=broker_id,
        body=frame,
    )


def encode_answer(key: int, version: int, correlation_id: int, fields: Fields) -> bytes:
    """Return the frame of an answer without its length; fields that the version does not have are left out."""
    api = apis()[key]
    if api.name == "ApiVersions" and fields.get("error_code") == UNSUPPORTED_VERSION:
        version = 0  # the one version that every client reads
    message = build(api.answer, api.answer._struct, fields, version)
    message.with_header(correlation_id=correlation_id)
    return bytes(message.encode(header=True))


def decode_answer(key: int, version: int, frame: bytes) -> tuple[int, Fields]:
    """Return the correlation id and the fields of an answer's frame without its length."""
    message = apis()[key].answer.decode(frame, version=version, header=True)
    return int(message.header.correlation_id), message.to_dict(json=False)


def encode_request(request: Request) -> bytes:
    """Return the frame of a request without its length."""
    api = apis()[request.key]
    message = build(api.request, api.request._struct, request.fields, request.version)
    message.with_header(correlation_id=request.correlation_id, client_id=request.client_id)
    return bytes(message.encode(header=True))


def build(kind: Any, schema: Any, values: Mapping[str, Any], version: int) -> Any:
    """Return kafka-python's object of a message or of a part; raises KeyError for a name that the schema lacks."""
    unknown = values.keys() - schema.fields.keys()
    if unknown:
        raise KeyError(f"{schema.type_str} has no field {', '.join(sorted(unknown))}")
    converted = {
        name: _value(schema.fields[name], value, version)
        for name, value in values.items()
        if schema.fields[name].for_version_q(version)
    }
    if "error_message" in schema.fields:
        converted.setdefault("error_message", None)  # brokers send null, the schema's own default is ""
    return kind(version=version, **converted)


def _value(schema: Any, value: Any, version: int) -> Any:
    if value is None:
        return None
    if schema.is_struct_array():
        return [build(schema.data_class, schema, item, version) for item in value]
    return build(schema.data_class, schema, value, version) if schema.is_struct() else value
