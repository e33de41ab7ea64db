"""Producing and consuming of records: input formats, batches, delivery reports, transactions, shutdown."""
