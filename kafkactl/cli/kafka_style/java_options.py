"""Variables that Kafka's scripts hand to the JVM: KAFKA_OPTS with a login file is read, the others have no effect.

Without a JVM there is no heap, no garbage collector and no log4j: KAFKA_HEAP_OPTS, KAFKA_JVM_PERFORMANCE_OPTS,
KAFKA_LOG4J_OPTS, KAFKA_GC_LOG_OPTS and KAFKA_JMX_OPTS are ignored.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import MutableMapping

from kafkactl.output import people

_OPTIONS = "KAFKA_OPTS"
_LOGIN_FILE = "-Djava.security.auth.login.config="
_SETTING = "KAFKACTL_CLIENT_SASL_JAAS_CONFIG"
"""Variable of kafkactl for the same login; a setting of the client wins over both, as in Java."""
_COMMENTS = re.compile(r'("(?:\\.|[^"\\])*")|/\*.*?\*/|//[^\n]*', re.DOTALL)
_BLANKS = re.compile(r'("(?:\\.|[^"\\])*")|\s+', re.DOTALL)
_SECTION = re.compile(r'\bKafkaClient\s*\{((?:"(?:\\.|[^"\\])*"|[^"}])*)\}\s*;', re.DOTALL)


def read_login_file(environment: MutableMapping[str, str]) -> None:
    """Take the login of the section KafkaClient from the file that KAFKA_OPTS names into `environment`.

    It becomes KAFKACTL_CLIENT_SASL_JAAS_CONFIG there, unchecked; blanks and line ends outside quotes become one blank.
    Without such an option, and where this variable is there already, nothing happens. A file that cannot be read, is
    not UTF-8, lacks the section or has a NUL character in it is a warning on stderr, because Java reads the file only
    where a login is needed. Nothing is raised.
    """
    path = _find_login_file(environment.get(_OPTIONS, ""))
    if path is None or _SETTING in environment:
        return
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, ValueError):
        people.warning(f"{path}: the login file of {_OPTIONS} cannot be read")
        return
    section = _SECTION.search(_COMMENTS.sub(lambda match: match[1] or " ", text))
    if section is None:
        people.warning(f"{path}: the login file of {_OPTIONS} has no section KafkaClient")
        return
    try:
        environment[_SETTING] = _BLANKS.sub(lambda match: match[1] or " ", section[1]).strip()
    except ValueError:  # a NUL character
        people.warning(f"{path}: the login file of {_OPTIONS} has a NUL character")


def _find_login_file(options: str) -> str | None:
    """Return the file of -Djava.security.auth.login.config, the last one, or None; ~ is the home folder.

    Quotes are read as a shell does; where one is not closed, or a backslash is the last character, blanks separate the
    words. The file is not looked at. "" is an option without a file name.
    """
    try:
        words = shlex.split(options)
    except ValueError:
        words = options.split()
    files = [word.removeprefix(_LOGIN_FILE) for word in words if word.startswith(_LOGIN_FILE)]
    return os.path.expanduser(files[-1].removeprefix("=")) if files else None  # Java has a form with ==, too
