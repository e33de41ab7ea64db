"""Kafka's script names and options: tables of options that translate into command lines of kafkactl."""
