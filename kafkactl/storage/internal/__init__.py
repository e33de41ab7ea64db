"""Decoders of the topics that Kafka keeps for itself."""
