"""Results with the words and in the order of Kafka's own tools, for -o kafka."""
