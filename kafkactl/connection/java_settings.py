"""The table of all settings of Kafka's Java clients, and what kafkactl does with each.

A name is the same in librdkafka, translated, harmless, or refused. A harmless setting cannot change which records are
read or written, or which cluster is used. It is ignored in a file, a context and the environment, and refused on the
command line, where its user expects an effect. A test compares the names with those of Kafka's own classes.

Reference: org.apache.kafka.clients.consumer.ConsumerConfig, producer.ProducerConfig, admin.AdminClientConfig 4.3.1;
librdkafka's CONFIGURATION.md.
"""

from __future__ import annotations

from collections.abc import Mapping

SAME = frozenset(
    [
        "acks",
        "allow.auto.create.topics",
        "auto.commit.interval.ms",
        "auto.offset.reset",
        "batch.size",
        "bootstrap.servers",
        "check.crcs",
        "client.dns.lookup",
        "client.id",
        "client.rack",
        "compression.type",
        "connections.max.idle.ms",
        "delivery.timeout.ms",
        "enable.auto.commit",
        "enable.idempotence",
        "enable.metrics.push",
        "fetch.max.bytes",
        "fetch.min.bytes",
        "group.id",
        "group.instance.id",
        "group.protocol",
        "group.remote.assignor",
        "heartbeat.interval.ms",
        "isolation.level",
        "linger.ms",
        "max.in.flight.requests.per.connection",
        "max.partition.fetch.bytes",
        "max.poll.interval.ms",
        "metadata.max.age.ms",
        "metadata.recovery.rebootstrap.trigger.ms",
        "metadata.recovery.strategy",
        "partition.assignment.strategy",
        "reconnect.backoff.max.ms",
        "reconnect.backoff.ms",
        "request.timeout.ms",
        "retries",
        "retry.backoff.max.ms",
        "retry.backoff.ms",
        "sasl.kerberos.min.time.before.relogin",
        "sasl.kerberos.service.name",
        "sasl.mechanism",
        "sasl.oauthbearer.assertion.algorithm",
        "sasl.oauthbearer.assertion.claim.aud",
        "sasl.oauthbearer.assertion.claim.exp.seconds",
        "sasl.oauthbearer.assertion.claim.iss",
        "sasl.oauthbearer.assertion.claim.jti.include",
        "sasl.oauthbearer.assertion.claim.nbf.seconds",
        "sasl.oauthbearer.assertion.claim.sub",
        "sasl.oauthbearer.assertion.file",
        "sasl.oauthbearer.assertion.private.key.file",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "sasl.oauthbearer.scope",
        "sasl.oauthbearer.sub.claim.name",
        "sasl.oauthbearer.token.endpoint.url",
        "security.protocol",
        "session.timeout.ms",
        "socket.connection.setup.timeout.ms",
        "ssl.cipher.suites",
        "ssl.key.password",
        "transaction.timeout.ms",
        "transactional.id",
    ]
)
"""Settings with the same name and meaning in librdkafka."""

RENAMED: Mapping[str, str] = {
    "send.buffer.bytes": "socket.send.buffer.bytes",
    "receive.buffer.bytes": "socket.receive.buffer.bytes",
    "max.request.size": "message.max.bytes",
    "fetch.max.wait.ms": "fetch.wait.max.ms",
    "ssl.truststore.certificates": "ssl.ca.pem",
    "ssl.keystore.key": "ssl.key.pem",
    "ssl.keystore.certificate.chain": "ssl.certificate.pem",
    "sasl.oauthbearer.client.credentials.client.id": "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.credentials.client.secret": "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.assertion.template.file": "sasl.oauthbearer.assertion.jwt.template.file",
}
"""librdkafka's names of settings that have another name there."""

SYNONYMS: Mapping[str, str] = {
    "metadata.broker.list": "bootstrap.servers",
    "compression.codec": "compression.type",
    "request.required.acks": "acks",
    "message.send.max.retries": "retries",
    "queue.buffering.max.ms": "linger.ms",
    "max.in.flight": "max.in.flight.requests.per.connection",
    "fetch.message.max.bytes": "max.partition.fetch.bytes",
    "message.timeout.ms": "delivery.timeout.ms",
    "auto.commit.enable": "enable.auto.commit",
    "sasl.mechanisms": "sasl.mechanism",
}
"""Main names of librdkafka's second names. Where a setting has two names, the later one must win."""

TRANSLATED = frozenset(
    [
        "sasl.jaas.config",
        "buffer.memory",
        "ssl.endpoint.identification.algorithm",
        "sasl.kerberos.kinit.cmd",
        "ssl.truststore.location",
        "ssl.truststore.password",
        "ssl.truststore.type",
        "ssl.keystore.location",
        "ssl.keystore.password",
        "ssl.keystore.type",
    ]
)
"""Settings whose values are translated in java_names.py."""

_TIMEOUT = "set the time to wait with --timeout"
_SHOWN = "set the format of keys and values with --key-format and --value-format"
_OF_JVM = "leave it out: only Java's classes use it"
_OF_LIBRDKAFKA = "leave it out: librdkafka chooses this itself"

HARMLESS: Mapping[str, str] = {
    "compression.gzip.level": "set the level of every codec with compression.level",
    "compression.lz4.level": "set the level of every codec with compression.level",
    "compression.zstd.level": "set the level of every codec with compression.level",
    "default.api.timeout.ms": _TIMEOUT,
    "internal.throw.on.fetch.stable.offset.unsupported": _OF_JVM,
    "key.deserializer": _SHOWN,
    "key.serializer": _SHOWN,
    "max.block.ms": _TIMEOUT,
    "max.poll.records": "leave it out: records are written as they arrive",
    "metadata.max.idle.ms": _OF_LIBRDKAFKA,
    "metric.reporters": _OF_JVM,
    "metrics.num.samples": _OF_JVM,
    "metrics.recording.level": _OF_JVM,
    "metrics.sample.window.ms": _OF_JVM,
    "auto.include.jmx.reporter": _OF_JVM,
    "partitioner.adaptive.partitioning.enable": "choose the partitions of keys with --partitioner",
    "partitioner.availability.timeout.ms": "choose the partitions of keys with --partitioner",
    "sasl.kerberos.ticket.renew.jitter": _OF_LIBRDKAFKA,
    "sasl.kerberos.ticket.renew.window.factor": _OF_LIBRDKAFKA,
    "sasl.login.connect.timeout.ms": _OF_LIBRDKAFKA,
    "sasl.login.read.timeout.ms": _OF_LIBRDKAFKA,
    "sasl.login.refresh.buffer.seconds": _OF_LIBRDKAFKA,
    "sasl.login.refresh.min.period.seconds": _OF_LIBRDKAFKA,
    "sasl.login.refresh.window.factor": _OF_LIBRDKAFKA,
    "sasl.login.refresh.window.jitter": _OF_LIBRDKAFKA,
    "sasl.login.retry.backoff.max.ms": _OF_LIBRDKAFKA,
    "sasl.login.retry.backoff.ms": _OF_LIBRDKAFKA,
    "sasl.oauthbearer.clock.skew.seconds": "leave it out: only brokers use it",
    "sasl.oauthbearer.expected.audience": "leave it out: only brokers use it",
    "sasl.oauthbearer.expected.issuer": "leave it out: only brokers use it",
    "sasl.oauthbearer.header.urlencode": _OF_LIBRDKAFKA,
    "sasl.oauthbearer.jwks.endpoint.refresh.ms": "leave it out: only brokers use it",
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms": "leave it out: only brokers use it",
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms": "leave it out: only brokers use it",
    "sasl.oauthbearer.jwks.endpoint.url": "leave it out: only brokers use it",
    "sasl.oauthbearer.scope.claim.name": "leave it out: only brokers use it",
    "security.providers": _OF_JVM,
    "share.acknowledgement.mode": "leave it out: kafkactl does not read as a share group",
    "share.acquire.mode": "leave it out: kafkactl does not read as a share group",
    "socket.connection.setup.timeout.max.ms": _OF_LIBRDKAFKA,
    "ssl.enabled.protocols": "leave it out: OpenSSL uses the newest version that both sides have",
    "ssl.keymanager.algorithm": _OF_JVM,
    "ssl.protocol": "leave it out: OpenSSL uses the newest version that both sides have",
    "ssl.provider": _OF_JVM,
    "ssl.secure.random.implementation": _OF_JVM,
    "ssl.trustmanager.algorithm": _OF_JVM,
    "value.deserializer": _SHOWN,
    "value.serializer": _SHOWN,
}
"""Settings without effect in kafkactl, each with the reason or with the option to use instead."""

_DEFAULT_CALLBACKS = (
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
    "org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler",
    "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredLoginCallbackHandler",
)

REFUSED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "bootstrap.controllers": ("set bootstrap.servers: kafkactl connects to brokers only", ()),
    "config.providers": ("values such as ${file:...} are not replaced; get a secret with sasl.password_command", ()),
    "exclude.internal.topics": ("read internal topics with --include-internal", ("true",)),
    "interceptor.classes": ("kafkactl cannot run a Java class, and this one may change records", ("",)),
    "partitioner.class": (
        "kafkactl cannot run a Java class; choose the partitions of keys with --partitioner",
        ("org.apache.kafka.clients.producer.internals.DefaultPartitioner", ""),
    ),
    "partitioner.ignore.keys": ("ignore keys with --partitioner random", ("false",)),
    "sasl.client.callback.handler.class": ("kafkactl cannot run a Java class to log in", ("",)),
    "sasl.login.callback.handler.class": ("kafkactl cannot run a Java class to log in", ("", *_DEFAULT_CALLBACKS)),
    "sasl.login.class": ("kafkactl cannot run a Java class to log in", ("",)),
    "sasl.oauthbearer.jwt.retriever.class": (
        "kafkactl cannot run a Java class to log in",
        ("", "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever"),
    ),
    "sasl.oauthbearer.jwt.validator.class": (
        "kafkactl cannot run a Java class to log in",
        ("", "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator"),
    ),
    "ssl.engine.factory.class": ("kafkactl cannot run a Java class to connect", ("",)),
    "transaction.two.phase.commit.enable": ("kafkactl commits transactions itself", ("false",)),
    # These belong to Kafka's deserializers and serializers of text. The tables of Kafka's clients do not have them.
    "key.deserializer.encoding": ("text is shown as UTF-8", ("UTF-8", "UTF8", "utf-8")),
    "value.deserializer.encoding": ("text is shown as UTF-8", ("UTF-8", "UTF8", "utf-8")),
    "deserializer.encoding": ("text is shown as UTF-8", ("UTF-8", "UTF8", "utf-8")),
    "key.serializer.encoding": ("text is sent as it is read", ("UTF-8", "UTF8", "utf-8")),
    "value.serializer.encoding": ("text is sent as it is read", ("UTF-8", "UTF8", "utf-8")),
    "serializer.encoding": ("text is sent as it is read", ("UTF-8", "UTF8", "utf-8")),
    # These belong to Confluent's serializers.
    "basic.auth.credentials.source": (
        "set the login of the registry with schema.registry.basic.auth.user.info",
        ("USER_INFO",),
    ),
    "basic.auth.user.info": ("use schema.registry.basic.auth.user.info", ()),
    # These belong to librdkafka. They would change which records are committed and counted.
    "enable.auto.offset.store": ("kafkactl commits only records that it wrote", ("false",)),
    "enable.partition.eof": ("end at the end of every partition with --exit", ()),
    "delivery.report.only.error": ("kafkactl counts every record", ("true",)),
    # confluent-kafka takes an object of Python under these names.
    "default.topic.config": ("set each setting of topics by its own name", ()),
    "logger": ("see the log of librdkafka on stderr with debug=all", ()),
}
"""Refused settings, each with the reason, and with the values that are accepted because they change nothing."""

NOT_OF_TOOLS = frozenset(
    [*(name for name in REFUSED if name.endswith(".encoding")), "exclude.internal.topics", "partitioner.ignore.keys"]
)
"""Refused settings that are left out in the place of Kafka's tools.

Their serializers are not of text, and the other two become options.
"""

KNOWN = SAME | RENAMED.keys() | SYNONYMS.keys() | TRANSLATED | HARMLESS.keys() | REFUSED.keys()
"""All names in the tables above."""
