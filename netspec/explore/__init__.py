"""Many values of a spec's parameters: the whole grid, and the largest that keeps a contract."""
