"""Operations on a cluster, one module for each noun. They take and return dataclasses and print nothing."""
