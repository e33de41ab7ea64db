"""Operations on a cluster, one module per noun: dataclasses in, dataclasses out; nothing is printed here."""
