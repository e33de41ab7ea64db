"""ACLs: the rules of a cluster about who may do what, their changes, and the decisions that follow from them."""
