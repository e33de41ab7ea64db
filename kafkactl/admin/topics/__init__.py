"""Topics: what they are called, what a cluster knows about them, and their changes."""
