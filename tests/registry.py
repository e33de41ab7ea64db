"""The smallest honest Schema Registry: an HTTP server with the part of Confluent's published API that clients use.

Schemas are numbered from 1, the same text has the same number under every subject, references must be there before
what refers to them, and with `login` nobody is served without it.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlparse


class Registry:
    """What is registered, and where it is served."""

    def __init__(self, login: str | None = None) -> None:
        self.login = login
        self.schemas: list[dict[str, Any]] = []
        self.subjects: dict[str, list[int]] = {}
        self.url = ""
        self.change: Callable[[Any], Any] = lambda answer: answer
        """Changes an answer before it is sent."""

    def register(self, subject: str, schema: dict[str, Any]) -> int:
        for reference in schema.get("references", ()):
            if len(self.subjects.get(reference["subject"], ())) < reference["version"]:
                raise ApiError(422, 42201, f"Invalid schema: no reference {reference['name']}")
        if schema not in self.schemas:
            self.schemas.append(schema)
        number = self.schemas.index(schema) + 1
        versions = self.subjects.setdefault(subject, [])
        if number not in versions:
            versions.append(number)
        return number

    def version(self, subject: str, text: str) -> dict[str, Any]:
        versions = self.subjects.get(subject)
        if versions is None:
            raise ApiError(404, 40401, f"Subject '{subject}' not found.")
        version = len(versions) if text in ("latest", "-1") else int(text)
        if not 0 < version <= len(versions):
            raise ApiError(404, 40402, f"Version {version} not found.")
        return {
            "subject": subject,
            "version": version,
            "id": versions[version - 1],
            **self.by_id(versions[version - 1]),
        }

    def lookup(self, subject: str, schema: dict[str, Any]) -> dict[str, Any]:
        if subject not in self.subjects:
            raise ApiError(404, 40401, f"Subject '{subject}' not found.")
        number = self.schemas.index(schema) + 1 if schema in self.schemas else 0
        if number not in self.subjects[subject]:
            raise ApiError(404, 40403, "Schema not found")
        version = self.subjects[subject].index(number) + 1
        return {"subject": subject, "version": version, "id": number, "guid": guid(schema), **schema}

    def by_guid(self, text: str) -> dict[str, Any]:
        for schema in self.schemas:
            if guid(schema) == text:
                return schema
        raise ApiError(404, 40403, "Schema not found")

    def by_id(self, number: int) -> dict[str, Any]:
        if not 0 < number <= len(self.schemas):
            raise ApiError(404, 40403, f"Schema {number} not found")
        return self.schemas[number - 1]


def guid(schema: dict[str, Any]) -> str:
    """Return the GUID of a schema: the same for the same schema in every registry."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(schema, sort_keys=True)))


class ApiError(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@contextmanager
def serving(login: str | None = None) -> Iterator[Registry]:
    """A registry on a port of its own."""
    registry = Registry(login)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answered(self._get)

        def do_POST(self) -> None:
            self._answered(self._post)

        def _get(self, path: str) -> Any:
            if found := re.fullmatch(r"/schemas/ids/(\d+)", path):
                return registry.by_id(int(found[1]))
            if found := re.fullmatch(r"/schemas/guids/([0-9a-f-]{36})", path):
                return registry.by_guid(found[1])
            if found := re.fullmatch(r"/subjects/([^/]+)/versions/(-?\w+)", path):
                return registry.version(unquote(found[1]), found[2])
            if path == "/subjects":
                return sorted(registry.subjects)
            raise ApiError(404, 404, "HTTP 404 Not Found")

        def _post(self, path: str) -> Any:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            schema = {name: asked[name] for name in ("schema", "schemaType", "references") if asked.get(name)}
            if found := re.fullmatch(r"/subjects/([^/]+)/versions", path):
                return {"id": registry.register(unquote(found[1]), schema), "guid": guid(schema)}
            if found := re.fullmatch(r"/subjects/([^/]+)", path):
                return registry.lookup(unquote(found[1]), schema)
            raise ApiError(404, 404, "HTTP 404 Not Found")

        def _answered(self, answer: Any) -> None:
            status, body = 200, None
            try:
                self._require_login()
                body = registry.change(answer(urlparse(self.path).path))
            except ApiError as error:
                status, body = error.status, {"error_code": error.code, "message": str(error)}
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _require_login(self) -> None:
            wanted = registry.login and "Basic " + base64.b64encode(registry.login.encode()).decode()
            if wanted and self.headers.get("Authorization") != wanted:
                raise ApiError(401, 401, "Unauthorized")

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
