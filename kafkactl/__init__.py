"""kafkactl: Apache Kafka operations from the command line and from Python, without a JVM."""

__version__ = "0.1.0"
