"""Shell completion: names from the cluster, and the scripts of the shells."""
