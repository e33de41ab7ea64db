"""Consumer groups: their members, offsets, lag and pace, and what is wrong with them."""
