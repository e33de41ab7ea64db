"""Output of results as table, json, yaml, csv and plain text, and of errors and progress for people."""
