"""What the commands about several topics share: how topics are named, and finding those that are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kafkactl.cli.completion.names import topic_names
from kafkactl.cli.frame.command import subjects

if TYPE_CHECKING:
    from kafkactl.connection.cluster import Cluster

Topics = Annotated[list[str] | None, typer.Argument(metavar="TOPIC", autocompletion=topic_names, show_default=False)]
TopicFlag = Annotated[
    list[str] | None,
    typer.Option("--topic", metavar="TOPIC", help="Kafka's spelling of TOPIC.", autocompletion=topic_names),
]
ExcludeInternal = Annotated[bool, typer.Option("--exclude-internal", help="Leave Kafka's own topics out.")]
IfExists = Annotated[bool, typer.Option("--if-exists", help="A topic that does not exist is no error.")]


def named(
    connected: Cluster, topic: list[str] | None, topic_flag: list[str] | None, if_exists: bool = False
) -> list[str]:
    """The topics meant by names and patterns, which must be said; raises UsageError and NotFoundError."""
    from kafkactl.admin.topics.descriptions import list_topics
    from kafkactl.admin.topics.names import matching

    said = subjects(topic, topic_flag, "topic")
    return matching(lambda: [row.topic for row in list_topics(connected)], said, not if_exists)
