"""Kafka's jars for the native engine: from KAFKA_HOME, or by Maven into the user's cache, once per version."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from kafkactl.errors import EngineError, UsageError
from kafkactl.paths import cache_dir

# Kafka 4 logs through log4j 2 but its artifacts bring no slf4j binding; Kafka 3 brings its own.
LOG4J2_VERSION = "2.25.4"

WAYS_OUT = "install Java 17 and Maven, or set KAFKA_HOME to an unpacked Kafka, or start Docker and use --engine docker"


def java() -> str:
    """The java to run: JAVA_HOME's, else the one on PATH; raises EngineError when there is none."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if found is None:
        where = "in JAVA_HOME/bin" if home else "on PATH"
        raise EngineError(f"the native engine needs Java, and there is no java {where}", WAYS_OUT)
    return found


def require_java(version: str) -> None:
    """Raises EngineError unless there is a Java that can run this Kafka: 4.x needs 17, 3.x needs 8."""
    found = java()
    told = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(?:1\.)?(\d+)', told)
    needed = 17 if int(version.split(".")[0]) >= 4 else 8
    if match is None or int(match[1]) < needed:
        has = f"is version {match[1]}" if match else "does not tell its version"
        raise EngineError(f"Kafka {version} needs Java {needed} or newer, and {found} {has}", WAYS_OUT)


def libs(version: str, tell: Callable[[str], None]) -> Path:
    """The folder with the jars of one Kafka version; `tell` hears what takes long."""
    home = os.environ.get("KAFKA_HOME")
    if home:
        return _from_home(Path(home), version)
    folder = _cached(version)
    if not folder.is_dir():
        _fetch(version, folder, tell)
    return folder


def _cached(version: str) -> Path:
    return cache_dir() / "kafka" / version


def _from_home(home: Path, version: str) -> Path:
    folder = home / "libs"
    brokers = sorted(folder.glob("kafka_2.1*-*.jar"))
    versions = {match[1] for jar in brokers if (match := re.fullmatch(r"kafka_2\.1\d-(\d+\.\d+\.\d+)\.jar", jar.name))}
    if not versions:
        raise EngineError(f"KAFKA_HOME={home} holds no Kafka (no libs/kafka_2.13-*.jar)", "correct it, or unset it")
    if version not in versions:
        raise UsageError(
            f"KAFKA_HOME={home} holds Kafka {', '.join(sorted(versions))}, not {version}",
            f"say --version {min(versions)}, or unset KAFKA_HOME to have {version} fetched by Maven",
        )
    return folder


def _fetch(version: str, folder: Path, tell: Callable[[str], None]) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise EngineError(
            f"the jars of Kafka {version} are not here yet, and there is no Maven to fetch them", WAYS_OUT
        )
    tell(f"fetching the jars of Kafka {version} with Maven (once; kept in {folder})")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Made beside the final place and renamed when whole: an interrupted fetch leaves no half a Kafka.
    with tempfile.TemporaryDirectory(prefix=f".{version}-", dir=folder.parent) as work:
        Path(work, "pom.xml").write_text(_pom(version), encoding="utf-8")
        command = [
            maven,
            "-q",
            "-B",
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            "-DoutputDirectory=libs",
        ]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reasons = re.findall(r"\[ERROR\] (.+)", done.stdout + done.stderr)
            raise EngineError(
                f"Maven could not fetch Kafka {version}: {reasons[0] if reasons else 'no reason told'}", WAYS_OUT
            )
        try:
            Path(work, "libs").rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process has fetched the same meanwhile
                raise


def _pom(version: str) -> str:
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
