"""Results as table, json, yaml, csv and plain text; errors and progress to people."""
