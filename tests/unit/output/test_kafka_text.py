"""Texts of Kafka's tools for values that are rare."""

from __future__ import annotations

from kafkactl.admin.topics.models import TopicDescription, TopicSetting
from kafkactl.output.kafka import admin_text


def test_a_setting_whose_value_the_brokers_do_not_tell_is_null() -> None:
    settings = (TopicSetting("removed.setting", None, True, False), TopicSetting("retention.ms", "5", True, False))
    text = admin_text.format_topic(TopicDescription("t", "id", False, (), settings))
    assert text.endswith("\tConfigs: removed.setting=null,retention.ms=5\n")
