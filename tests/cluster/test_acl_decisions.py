"""`acls check` decides as a broker does: random rules, and each decision is compared by asking as that user.

CI tries 15 sets of rules; KAFKACTL_TEST_RULE_SETS=N tries N (make test-long-acls).
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator

import pytest

from kafkactl.admin.acls import requests
from kafkactl.admin.acls.decisions import Authorizer, Question, Reason, decide
from kafkactl.admin.acls.models import (
    CLUSTER_NAME,
    SUPPORTED,
    WILDCARD,
    Acl,
    AclFilter,
    PatternKind,
    Permission,
    ResourceKind,
    Right,
    number_right,
)
from kafkactl.connection.cluster import Cluster
from tests.acl_broker import SUPER_USERS, USERS, AclBroker, RawClient, connected_to, running_acl_broker
from tests.clusters import eventually
from tests.fake_broker.protocol import Fields

RULE_SETS = int(os.environ.get("KAFKACTL_TEST_RULE_SETS", "15"))
NAMES = {
    ResourceKind.TOPIC: ("orders", "orders-eu", "or", "other"),
    ResourceKind.GROUP: ("orders", "orders-eu", "billing"),
    ResourceKind.TRANSACTIONAL_ID: ("orders", "pay"),
    ResourceKind.CLUSTER: (CLUSTER_NAME,),
}
"""Resources that are asked about."""
PREFIXES = ("o", "or", "orders", "orders-", "b", "pay", "kafka-cluster-")
HOSTS = ("127.0.0.1", "127.0.0.2")
TOPIC_DENIED, GROUP_DENIED, CLUSTER_DENIED, ID_DENIED = 29, 30, 31, 53
Decisions = dict[Question, bool]


def make_rules(numbers: random.Random) -> list[Acl]:
    """Return up to 40 rules, few enough that each decision is common."""
    return list(dict.fromkeys(make_rule(numbers) for _ in range(numbers.randint(0, 40))))


def make_rule(numbers: random.Random) -> Acl:
    """Return a rule that can matter for one of the questions."""
    kind = numbers.choice(list(NAMES))
    pattern, name = PatternKind.LITERAL, numbers.choice((*NAMES[kind], WILDCARD))
    if kind is not ResourceKind.CLUSTER and numbers.random() < 0.4:
        pattern, name = PatternKind.PREFIXED, numbers.choice((*PREFIXES, *NAMES[kind]))
    if kind is ResourceKind.CLUSTER:
        name = CLUSTER_NAME
    return Acl(
        type=kind,
        name=name,
        pattern=pattern,
        principal=numbers.choice(("User:alice", "User:alice", "User:bob", "User:*", "User:carol", "Group:alice")),
        host=numbers.choice((WILDCARD, WILDCARD, *HOSTS)),
        operation=numbers.choice((*SUPPORTED[kind], Right.ALL)),
        permission=numbers.choice((Permission.ALLOW, Permission.ALLOW, Permission.DENY)),
    )


class Asker:
    """What one user at one address hears from the broker about his rights."""

    def __init__(self, client: RawClient, user: str, host: str) -> None:
        """Take the user's connection."""
        self.client, self.user, self.host = client, user, host
        self.decisions: Decisions = {}

    def ask_all(self) -> Decisions:
        """Return the broker's decision for each question that a request answers."""
        self.decisions = {}
        self.ask_about_topics()
        self.ask_about_groups()
        self.ask_about_the_cluster()
        self.ask_about_transactional_ids()
        return self.decisions

    def keep(self, kind: ResourceKind, name: str, right: Right, is_allowed: bool) -> None:
        """Keep a decision. Two requests that tell one must agree."""
        question = Question(principal=f"User:{self.user}", operation=right, type=kind, name=name, host=self.host)
        assert self.decisions.setdefault(question, is_allowed) == is_allowed, question

    def keep_all(self, kind: ResourceKind, name: str, numbers: set[int]) -> None:
        """Keep the decisions of a set of authorized operations, which only those may see who may describe."""
        self.keep(kind, name, Right.DESCRIBE, True)
        for right in SUPPORTED[kind]:
            self.keep(kind, name, right, number_right(right) in numbers)

    def ask_about_topics(self) -> None:
        """Ask for the topics, and then for each right by a request that needs it and changes nothing."""
        names = NAMES[ResourceKind.TOPIC]
        answer = self.client.ask(
            "Metadata", version=9, topics=[{"name": name} for name in names], allow_auto_topic_creation=False,
            include_cluster_authorized_operations=False, include_topic_authorized_operations=True,
        )  # fmt: skip
        for topic in answer["topics"]:
            if topic["error_code"] == TOPIC_DENIED:
                self.keep(ResourceKind.TOPIC, topic["name"], Right.DESCRIBE, False)
            else:
                assert topic["error_code"] == 0
                self.keep_all(ResourceKind.TOPIC, topic["name"], topic["authorized_operations"])
        for right, codes in self.list_codes_of_topics().items():
            for name, code in codes.items():
                self.keep(ResourceKind.TOPIC, name, right, code != TOPIC_DENIED)

    def list_codes_of_topics(self) -> dict[Right, dict[str, int]]:
        """Return the error code of each topic by the right that a request needs; no topic has partition 99."""
        names = NAMES[ResourceKind.TOPIC]
        partition: Fields = {"partition_index": 99, "offset": 0}
        deleted = self.client.ask(
            "DeleteRecords", topics=[{"name": name, "partitions": [partition]} for name in names], timeout_ms=5000
        )
        configs = self.client.ask(
            "DescribeConfigs",
            resources=[
                {"resource_type": 2, "resource_name": name, "configuration_keys": ["retention.ms"]} for name in names
            ],
            include_synonyms=False,
            include_documentation=False,
        )
        partitions: Fields = {"partition": 99, "fetch_offset": 0, "partition_max_bytes": 1, "current_leader_epoch": -1}
        partitions |= {"last_fetched_epoch": -1, "log_start_offset": -1}
        fetched = self.client.ask(
            "Fetch", version=12, replica_id=-1, max_wait_ms=0, min_bytes=0, max_bytes=1, isolation_level=0,
            session_id=0, session_epoch=-1, topics=[{"topic": name, "partitions": [partitions]} for name in names],
            forgotten_topics_data=[], rack_id="",
        )  # fmt: skip
        produced = self.client.ask(
            "Produce", version=9, transactional_id=None, acks=1, timeout_ms=5000,
            topic_data=[{"name": name, "partition_data": [{"index": 99, "records": None}]} for name in names],
        )  # fmt: skip
        return {
            Right.DELETE: {row["name"]: row["partitions"][0]["error_code"] for row in deleted["topics"]},
            Right.DESCRIBE_CONFIGS: {row["resource_name"]: row["error_code"] for row in configs["results"]},
            Right.READ: {row["topic"]: row["partitions"][0]["error_code"] for row in fetched["responses"]},
            Right.WRITE: {row["name"]: row["partition_responses"][0]["error_code"] for row in produced["responses"]},
        }

    def ask_about_groups(self) -> None:
        """Ask for groups, which do not exist, and for the right to delete them."""
        names = list(NAMES[ResourceKind.GROUP])
        # Newer versions have an error, and no rights, for a group that does not exist.
        answer = self.client.ask("DescribeGroups", version=5, groups=names, include_authorized_operations=True)
        for group in answer["groups"]:
            if group["error_code"] == GROUP_DENIED:
                self.keep(ResourceKind.GROUP, group["group_id"], Right.DESCRIBE, False)
            else:
                assert group["error_code"] == 0
                self.keep_all(ResourceKind.GROUP, group["group_id"], group["authorized_operations"])
        for row in self.client.ask("DeleteGroups", groups_names=names)["results"]:
            self.keep(ResourceKind.GROUP, row["group_id"], Right.DELETE, row["error_code"] != GROUP_DENIED)
        for name in names:
            beat = self.client.ask("Heartbeat", group_id=name, generation_id=1, member_id="m", group_instance_id=None)
            self.keep(ResourceKind.GROUP, name, Right.READ, beat["error_code"] != GROUP_DENIED)

    def ask_about_the_cluster(self) -> None:
        """Ask for the rights to the cluster, and for the list of rules, which needs one."""
        listed = self.client.ask(
            "DescribeAcls", resource_type_filter=1, resource_name_filter=None, pattern_type_filter=1,
            principal_filter=None, host_filter=None, operation=1, permission_type=1,
        )  # fmt: skip
        may_describe = listed["error_code"] != CLUSTER_DENIED
        self.keep(ResourceKind.CLUSTER, CLUSTER_NAME, Right.DESCRIBE, may_describe)
        answer = self.client.ask("DescribeCluster", version=1, include_cluster_authorized_operations=True)
        if may_describe:
            self.keep_all(ResourceKind.CLUSTER, CLUSTER_NAME, answer["authorized_operations"])

    def ask_about_transactional_ids(self) -> None:
        """Ask for transactions that do not exist, and for a producer id that the coordinator cannot give yet."""
        names = list(NAMES[ResourceKind.TRANSACTIONAL_ID])
        for row in self.client.ask("DescribeTransactions", transactional_ids=names)["transaction_states"]:
            is_allowed = row["error_code"] != ID_DENIED
            self.keep(ResourceKind.TRANSACTIONAL_ID, row["transactional_id"], Right.DESCRIBE, is_allowed)
        for name in names:
            answer = self.client.ask(
                "InitProducerId", version=4, transactional_id=name, transaction_timeout_ms=5000, producer_id=-1,
                producer_epoch=-1,
            )  # fmt: skip
            self.keep(ResourceKind.TRANSACTIONAL_ID, name, Right.WRITE, answer["error_code"] != ID_DENIED)


@pytest.fixture(scope="module", params=[False, True], ids=["denies", "allows everyone"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AclBroker, bool]]:
    """A broker, and its allow.everyone.if.no.acl.found."""
    if not request.param:
        yield request.getfixturevalue("acls"), False
        return
    with running_acl_broker(tmp_path_factory.mktemp("everyone"), allows_everyone=True) as broker:
        yield broker, True


def set_rules(cluster: Cluster, rules: list[Acl]) -> None:
    """Replace all rules, and wait until the broker decides by them."""
    requests.delete_chosen(cluster, [AclFilter()])
    assert all(outcome.ok for outcome in requests.create_acls(cluster, rules))
    eventually(lambda: set(requests.list_acls(cluster)) == set(rules))


def test_decisions_are_those_of_a_broker(place: tuple[AclBroker, bool]) -> None:
    broker, allows_everyone = place
    authorizer = Authorizer(super_users=SUPER_USERS, allows_everyone=allows_everyone)
    cli = broker.cluster.cli
    cli.ok("topics", "create", *NAMES[ResourceKind.TOPIC], "--if-not-exists")
    eventually(lambda: set(NAMES[ResourceKind.TOPIC]) <= set(cli.ok("topics", "list").split()))
    askers = [Asker(broker.connect(user, host), user, host) for user in USERS for host in HOSTS]
    seen: Counter[tuple[Reason, bool]] = Counter()
    wrong = []
    with connected_to(broker) as cluster:
        wait_for_coordinators(broker)
        for seed in range(allows_everyone, RULE_SETS, 2):
            rules = make_rules(random.Random(seed))
            set_rules(cluster, rules)
            for asker in askers:
                for question, is_allowed in asker.ask_all().items():
                    decision = decide(rules, question, authorizer)
                    seen[decision.reason, is_allowed] += 1
                    if decision.is_allowed != is_allowed:
                        wrong.append(f"seed {seed}: {question}: {decision}\n" + "\n".join(map(str, rules)))
        requests.delete_chosen(cluster, [AclFilter()])
    for asker in askers:
        asker.client.__exit__()
    assert wrong == []
    assert {reason for reason, _ in seen} == set(Reason)
    assert min(seen[Reason.ALLOWED, True], seen[Reason.DENIED, False]) > 3 * RULE_SETS


def wait_for_coordinators(broker: AclBroker) -> None:
    """Let the broker make the topic of offsets, and wait until it answers for groups."""
    with broker.connect("carol") as client:

        def is_ready() -> bool:
            client.ask("FindCoordinator", version=3, key="orders", key_type=0)
            answer = client.ask("DescribeGroups", version=5, groups=["orders"], include_authorized_operations=False)
            return bool(answer["groups"][0]["error_code"] == 0)

        eventually(is_ready)
