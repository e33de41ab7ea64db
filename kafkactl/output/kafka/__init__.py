"""The words and the order of the own tools of Kafka, for -o kafka."""
