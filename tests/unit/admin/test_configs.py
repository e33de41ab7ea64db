"""Settings of entities: which entities have any."""

from __future__ import annotations

from typing import Any

import pytest

from kafkactl.admin import configs
from kafkactl.admin.entities import Entity, EntityType
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ResourceType
from kafkactl.connection.settings import resolve
from kafkactl.errors import UnsupportedRequestError
from tests.fake_broker import FakeBroker


@pytest.mark.parametrize("versions", ["3.6", {"ListConfigResources": (0, 0)}])
def test_old_brokers_do_not_tell_which_groups_have_settings(versions: Any) -> None:
    """Version 0 of the request has no type of resources: it would list client metrics in place of groups."""
    with FakeBroker(api_versions=versions) as broker:
        cluster = Cluster(resolve(broker.address, None, None, (), 5))
        assert configs.may_have_settings(cluster, Entity(EntityType.GROUPS, "g"))
        with pytest.raises(UnsupportedRequestError, match="is too old"):
            cluster.requests.list_config_resources(ResourceType.GROUP)
        cluster.close()


def test_new_brokers_tell_which_groups_have_settings() -> None:
    with FakeBroker() as broker:
        broker.state.configs[ResourceType.GROUP, "configured"] = {"consumer.session.timeout.ms": "50000"}
        cluster = Cluster(resolve(broker.address, None, None, (), 5))
        assert cluster.requests.list_config_resources(ResourceType.GROUP) == ["configured"]
        assert configs.may_have_settings(cluster, Entity(EntityType.GROUPS, "configured"))
        assert not configs.may_have_settings(cluster, Entity(EntityType.GROUPS, "g"))
        cluster.close()
