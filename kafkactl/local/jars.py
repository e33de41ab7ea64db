"""Kafka's jars for the native engine, from KAFKA_HOME or from Maven, which downloads a version once into the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from kafkactl.errors import EngineError, UsageError
from kafkactl.paths import find_cache_dir

# Kafka 4 logs through log4j 2, but its artifacts have no slf4j binding. Kafka 3 has its own.
LOG4J2_VERSION = "2.25.4"

REMEDIES = "install Java 17 and Maven, or set KAFKA_HOME to an unpacked Kafka, or start Docker and use --engine docker"


def find_java() -> str:
    """Return the absolute path of java in JAVA_HOME/bin, or, where JAVA_HOME is not set or empty, on PATH.

    Raise EngineError where there is none; with JAVA_HOME, PATH is not searched.
    """
    home = os.environ.get("JAVA_HOME")
    # The path is absolute, because a node runs in a folder of its own.
    java = shutil.which("java", path=os.path.abspath(Path(home) / "bin")) if home else shutil.which("java")
    if java is None:
        where = "in JAVA_HOME/bin" if home else "on PATH"
        raise EngineError(f"the native engine needs Java: java not found {where}", REMEDIES)
    return os.path.abspath(java)


def require_java(version: str) -> None:
    """Raise EngineError without java, or where it is too old for this Kafka: 4.x needs Java 17, older ones need 8.

    `version` is Kafka's, such as 4.3.1. java, in JAVA_HOME or on PATH, is run to learn its version; raise EngineError
    also where it does not print one or cannot be run.
    """
    java = find_java()
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise EngineError(f"the native engine needs Java: {java} cannot be run: {error.strerror}", REMEDIES) from error
    match = re.search(r'version "(?:1\.)?(\d+)', done.stderr)
    needed = 17 if int(version.split(".")[0]) >= 4 else 8
    if match is None or int(match[1]) < needed:
        has = f"is version {match[1]}" if match else "does not print its version"
        raise EngineError(f"Kafka {version} needs Java {needed} or newer, and {java} {has}", REMEDIES)


def get_libs(version: str, tell: Callable[[str], None]) -> Path:
    """Return the folder with the jars of a Kafka version.

    It is that of KAFKA_HOME, or else of the cache, where Maven downloads them if necessary; then `tell` gets a line. A
    folder that is in the cache is not checked. An empty KAFKA_HOME counts as none. Raise UsageError for a KAFKA_HOME
    with another version, EngineError where it has no Kafka, or where Maven is missing, cannot be run, fails or makes no
    jars, and OSError where the cache cannot be written.
    """
    home = os.environ.get("KAFKA_HOME")
    if home:
        return _find_in_home(Path(home).absolute(), version)
    folder = _get_cache_folder(version)
    if not folder.is_dir():
        _fetch(version, folder, tell)
    return folder


def _get_cache_folder(version: str) -> Path:
    """Return the folder of a version's jars in the user's cache. It may not exist."""
    return find_cache_dir() / "kafka" / version


def _find_in_home(home: Path, version: str) -> Path:
    """Return the folder of the jars, libs, in KAFKA_HOME; raise UsageError for another version.

    Raise EngineError where it has no jar kafka_2.1N-X.Y.Z.jar, whose name tells the version. Where it has several
    versions, one of them must be `version`.
    """
    folder = home / "libs"
    brokers = sorted(folder.glob("kafka_2.1*-*.jar"))
    found = {match[1] for jar in brokers if (match := re.fullmatch(r"kafka_2\.1\d-(\d+\.\d+\.\d+)\.jar", jar.name))}
    versions = sorted(found, key=lambda text: tuple(map(int, text.split("."))))
    if not versions:
        others = f"no release of Kafka: {brokers[-1].name}" if brokers else "no Kafka (no libs/kafka_2.13-*.jar)"
        raise EngineError(f"KAFKA_HOME={home} has {others}", "correct it, or unset it")
    if version not in versions:
        raise UsageError(
            f"KAFKA_HOME={home} has Kafka {', '.join(versions)}, not {version}",
            f"use --version {versions[-1]}, or unset KAFKA_HOME to fetch {version} with Maven",
        )
    return folder


def _fetch(version: str, folder: Path, tell: Callable[[str], None]) -> None:
    """Download the jars with Maven into `folder`, completely or not at all.

    It downloads also where `folder` exists. `tell` gets one line. Maven has no time limit. Raise EngineError without
    Maven, and where it cannot be run, fails or makes no jars, and OSError where the folder cannot be written. A folder
    that is there after the download, such as one of another process, is kept unless it is empty.
    """
    maven = shutil.which("mvn")
    if maven is None:
        raise EngineError(f"cannot fetch the jars of Kafka {version}: Maven (mvn) not found on PATH", REMEDIES)
    tell(f"fetching the jars of Kafka {version} with Maven (once; kept in {folder})")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The folder is filled beside its final place and then renamed, so that an interrupted download leaves no part.
    with tempfile.TemporaryDirectory(prefix=f".{version}-", dir=folder.parent) as work:
        Path(work, "pom.xml").write_text(_make_pom(version), encoding="utf-8")
        command = [
            os.path.abspath(maven),  # it runs in another folder
            "-q",
            "-B",
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            "-DoutputDirectory=libs",
        ]
        try:
            completed = subprocess.run(command, cwd=work, capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            raise EngineError(f"Maven cannot be run: {maven}: {error.strerror}", REMEDIES) from error
        if completed.returncode != 0:
            reasons = re.findall(r"\[ERROR\] (.+)", completed.stdout + completed.stderr)
            raise EngineError(
                f"Maven could not fetch Kafka {version}: {reasons[0] if reasons else 'no reason given'}", REMEDIES
            )
        if not any(Path(work).glob("libs/*.jar")):
            raise EngineError(f"Maven ended without the jars of Kafka {version}", REMEDIES)
        try:
            Path(work, "libs").rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process has downloaded them meanwhile
                raise


def _make_pom(version: str) -> str:
    """Return the text of a pom.xml that depends on the jars of a Kafka version; from 4.0 on also on those of log4j 2.

    The version is not checked or escaped; raise ValueError where the part before its first point is no whole number.
    """
    artifacts = [("org.apache.kafka", "kafka_2.13", version), ("org.apache.kafka", "kafka-tools", version)]
    if int(version.split(".")[0]) >= 4:
        log4j = "org.apache.logging.log4j"
        artifacts += [(log4j, "log4j-core", LOG4J2_VERSION), (log4j, "log4j-slf4j-impl", LOG4J2_VERSION)]
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{number}</version></dependency>"
        for group, name, number in artifacts
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>kafkactl</groupId><artifactId>kafka-jars</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )
