"""What a broker leaves on disk, read-only and without a network."""
