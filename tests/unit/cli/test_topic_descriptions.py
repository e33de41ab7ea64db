from __future__ import annotations

import json

import pytest

from kafkactl.cli.topics import _parse_assignment
from kafkactl.cli.topics.describe import _note_empty_result, _PartitionFilter
from kafkactl.errors import UsageError
from tests.conftest import Cli
from tests.fake_broker import FakeBroker


def test_note_of_an_empty_selection(capsys: pytest.CaptureFixture[str]) -> None:
    """An absent topic with --if-exists, or an internal one with --exclude-internal, says nothing of other topics."""
    no_filter = _PartitionFilter(False, False, False, False)
    _note_empty_result([], no_filter, is_everything=False)
    assert capsys.readouterr().err == "there is no topic to show\n"
    _note_empty_result([], no_filter)
    assert capsys.readouterr().err == "there are no topics\n"


@pytest.mark.parametrize("style", ["ours", "kafka"])
def test_an_internal_topic_is_left_out_by_its_id_too(style: str, cli: Cli) -> None:
    with FakeBroker(topics={"orders": 1, "__consumer_offsets": 1}) as broker:
        for name, status in (("orders", 0), ("__consumer_offsets", 1)):
            rows = json.loads(cli.ok("topics", "describe", name, "-o", "json", "-b", broker.address))
            line = ["--topic-id", rows[0]["topic_id"], "--exclude-internal"]
            if style == "kafka":
                done = cli("kafka-topics", "--bootstrap-server", broker.address, "--describe", *line, check=status)
            else:
                done = cli("topics", "describe", *line, "-b", broker.address, check=status)
            assert (name in done.stdout) == (status == 0), done


def test_the_ids_of_brokers_have_31_bits() -> None:
    assert _parse_assignment("2147483647:0") == ((2147483647, 0),)
    for text in ("2147483648", "9" * 5000, "", "1:", "٣"):
        with pytest.raises(UsageError, match="not broker ids"):
            _parse_assignment(text)
