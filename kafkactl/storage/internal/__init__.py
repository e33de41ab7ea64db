"""Decoders of the records in Kafka's internal topics."""
