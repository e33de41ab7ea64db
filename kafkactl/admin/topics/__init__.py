"""Topics: their names, their descriptions, and their changes."""
