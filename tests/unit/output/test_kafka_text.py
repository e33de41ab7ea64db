"""Texts of Kafka's tools for values that are rare."""

from __future__ import annotations

import pytest

from kafkactl.admin.features import Feature
from kafkactl.admin.topics.models import TopicDescription, TopicSetting
from kafkactl.output.kafka import admin_text, feature_text


def test_a_setting_whose_value_the_brokers_do_not_tell_is_null() -> None:
    settings = (TopicSetting("removed.setting", None, True, False), TopicSetting("retention.ms", "5", True, False))
    text = admin_text.format_topic(
        TopicDescription(topic="t", topic_id="id", internal=False, partitions=(), settings=settings)
    )
    assert text.endswith("\tConfigs: removed.setting=null,retention.ms=5\n")


@pytest.mark.parametrize(
    ("level", "text"), [(0, "UNKNOWN 0"), (1, "UNKNOWN 1"), (6, "UNKNOWN 6"), (7, "3.3-IV3"), (32, "UNKNOWN 32")]
)
def test_a_level_that_kafkas_tool_does_not_support_is_unknown(level: int, text: str) -> None:
    """As FeatureCommand.levelToString of Kafka 4.3.1 has them; brokers before 4.0 have level 1 as the lowest."""
    feature = Feature(name="metadata.version", min_level=level, max_level=30, finalized_level=21, epoch=5)
    assert feature_text.format_features([feature]) == (
        f"Feature: metadata.version                          SupportedMinVersion: {text:<15}  "
        "SupportedMaxVersion: 4.3-IV0          FinalizedVersionLevel: 3.9-IV0          Epoch: 5\n"
    )
