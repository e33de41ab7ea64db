"""The connection to a cluster: contexts, files, environment and flags become settings, and settings become clients."""
