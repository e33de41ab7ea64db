"""Consumer groups: members, offsets, lag, speed, and diagnosis."""
