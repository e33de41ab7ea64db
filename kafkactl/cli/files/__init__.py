"""Commands that read files which a broker leaves on disk; they need no broker."""
