"""Engine of dump-log: files that a broker leaves on disk as text lines and rows, read in parallel."""
