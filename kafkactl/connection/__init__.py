"""How a cluster is reached: context, properties file and flags become settings, settings become clients."""
