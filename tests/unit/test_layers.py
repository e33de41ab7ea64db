"""Imports go down the house, never up and never in circles; the order is drawn in docs/architecture.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "kafkactl"

HOUSE = (
    ("cli",),
    ("client",),
    ("columns",),
    ("dump",),
    ("output",),
    ("admin",),
    ("streams",),
    ("serde",),
    ("connection",),
    ("local",),
    ("storage",),
    ("arguments", "documents", "numerals"),
    ("stdout", "patterns", "times"),
    ("statuses", "errors", "paths", "escaping"),
)
"""Rooms from the top to the bottom; rooms of a level do not import one another, but for the lowest level."""

ADMIN = (
    ("health", "snapshot", "impact", "journal"),
    ("declared_topics",),
    ("throttles", "reassignment_files", "controller_files", "client_metrics", "loads"),
    ("reassignment", "planning"),
    (
        "topics",
        "groups",
        "configs",
        "quotas",
        "users",
        "records",
        "acls",
        "brokers",
        "quorum",
        "features",
        "leaders",
        "log_dirs",
        "transactions",
        "tokens",
    ),
    ("models", "offsets", "entities", "partition_rules", "metadata_versions", "endpoints"),
)
SHARED_BY_NOUNS = ("frame", "completion")
"""Rooms of cli/ that every noun may import."""
MIRRORS = ("compat", "kafka_style")
"""A noun, and the room of Kafka's tools, which it installs and lists."""
PRINTERS = ("typer", "rich", "tabulate")
SILENT = ("admin", "storage", "streams", "serde", "connection", "columns")
ASKING = ("admin", "connection")
"""Rooms with functions that ask a cluster."""


@dataclass(frozen=True, kw_only=True)
class Import:
    """One import: dotted names below kafkactl, or the name of a library."""

    importer: str
    module: str
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.importer} imports {self.module}" + (f".{self.name}" if self.name else "")


def _modules() -> dict[str, Path]:
    found = {}
    for path in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyx"), *PACKAGE.rglob("*.pxd")]):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name not in ("", "__main__"):
            found[name if path.suffix != ".pxd" else f"{name}.pxd"] = path
    return found


MODULES = _modules()


def _resolve(module: str, name: str | None) -> tuple[str, str | None]:
    """Return the module and the name in it, where `from package import name` may name a module."""
    below = module.removeprefix("kafkactl").lstrip(".")
    longer = f"{below}.{name}" if below else str(name)
    return (longer, None) if longer in MODULES else (below, name)


def _imports_of(importer: str, path: Path) -> Iterator[Import]:
    if path.suffix != ".py":
        for line in path.read_text().splitlines():
            if match := re.match(r"\s*(?:from\s+kafkactl\.([\w.]+)\s+c?import|c?import\s+kafkactl\.([\w.]+))", line):
                yield Import(importer=importer, module=match[1] or match[2])
        return
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(importer=importer, module=alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                module, name = node.module, alias.name
                if module.split(".")[0] == "kafkactl":
                    module, name = _resolve(module, alias.name)
                yield Import(importer=importer, module=module, name=name)


ALL = [entry for name, path in MODULES.items() for entry in _imports_of(name, path)]
OURS = [entry for entry in ALL if entry.module.removesuffix(".pxd") in MODULES]


def _level(order: tuple[tuple[str, ...], ...], room: str) -> int:
    return next(number for number, rooms in enumerate(order) if room in rooms)


def _room(module: str) -> str:
    return module.split(".")[0]


def test_every_module_has_a_place_in_the_house() -> None:
    known = {room for level in HOUSE for room in level}
    assert {_room(module) for module in MODULES} <= known


def test_imports_go_down_the_house() -> None:
    lowest = HOUSE[-1]
    wrong = [
        str(entry)
        for entry in OURS
        if (importer := _room(entry.importer)) != (imported := _room(entry.module))
        and not (importer in lowest and imported in lowest)
        and _level(HOUSE, importer) >= _level(HOUSE, imported)
    ]
    assert wrong == []


def test_a_noun_never_imports_another_noun() -> None:
    def noun(module: str) -> str:
        return module.split(".")[1] if "." in module else ""

    wrong = [
        str(entry)
        for entry in OURS
        if _room(entry.importer) == _room(entry.module) == "cli"
        and noun(entry.importer) not in ("app", "")
        and noun(entry.module) not in (noun(entry.importer), *SHARED_BY_NOUNS)
        and (noun(entry.importer), noun(entry.module)) != MIRRORS
    ]
    assert wrong == []


def test_admin_imports_from_lower_levels_only() -> None:
    def noun(module: str) -> str:
        return module.split(".")[1]

    inside = [
        entry
        for entry in OURS
        if _room(entry.importer) == _room(entry.module) == "admin" and "." in entry.importer and "." in entry.module
    ]
    wrong = [
        str(entry)
        for entry in inside
        if noun(entry.importer) != noun(entry.module)
        and _level(ADMIN, noun(entry.importer)) >= _level(ADMIN, noun(entry.module))
        and not (noun(entry.importer) in ADMIN[-1] and noun(entry.module) in ADMIN[-1])
    ]
    assert wrong == []


def test_output_takes_classes_and_constants_but_no_operations() -> None:
    def defines_function(module: str, name: str | None) -> bool:
        if name is None:  # the whole module, with all its functions
            return True
        tree = ast.parse(MODULES[module].read_text())
        return any(isinstance(node, ast.FunctionDef) and node.name == name for node in tree.body)

    operations = [
        str(entry)
        for entry in OURS
        if _room(entry.importer) == "output"
        and _room(entry.module) in ASKING
        and defines_function(entry.module, entry.name)
    ]
    assert operations == []


def test_rooms_that_print_nothing_import_nothing_that_prints() -> None:
    wrong = [str(entry) for entry in ALL if _room(entry.importer) in SILENT and entry.module.split(".")[0] in PRINTERS]
    assert wrong == []


def test_there_are_no_import_circles() -> None:
    graph: dict[str, set[str]] = {name: set() for name in MODULES}
    for entry in OURS:
        if entry.module != entry.importer and not _is_own_package(entry):
            graph[entry.importer].add(entry.module)
    assert _circles(graph) == []


def _is_own_package(entry: Import) -> bool:
    """Return whether a package imports its own modules, or a module the package that it is in."""
    return entry.importer.startswith(f"{entry.module}.") and entry.name is None


def _circles(graph: dict[str, set[str]]) -> list[str]:
    """Return each circle as text: modules in their order. Modules outside circles are taken away first."""
    left = dict(graph)
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    while free := [name for name in left if not any(name in others for others in left.values())]:
        for name in free:
            del left[name]
    return [f"{name} -> {', '.join(sorted(others & left.keys()))}" for name, others in sorted(left.items())]


@pytest.mark.parametrize(
    ("graph", "expected"),
    [({"a": {"b"}, "b": set()}, []), ({"a": {"b"}, "b": {"a"}, "c": {"a"}}, ["a -> b", "b -> a"])],
)
def test_circles_are_found(graph: dict[str, set[str]], expected: list[str]) -> None:
    assert _circles(graph) == expected


def test_every_room_is_installed() -> None:
    text = (PACKAGE.parent / "pyproject.toml").read_text()
    rooms = {".".join(path.parent.relative_to(PACKAGE.parent).parts) for path in PACKAGE.rglob("__init__.py")}
    assert rooms - set(re.findall(r'"(kafkactl[\w.]*)"', text)) == set()


def test_only_stdout_writes_data() -> None:
    """No module but stdout.py uses print or sys.stdout; messages go through output/people.py."""
    wrong = []
    for name, path in MODULES.items():
        if path.suffix != ".py" or name == "stdout":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            is_print = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
            is_stdout = isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.stdout"
            if is_print or is_stdout:
                wrong.append(f"{name}:{node.lineno}")
    assert wrong == []
