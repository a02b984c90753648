"""What every picture shows: the tree of blocks, the runs of like ones, their routes."""
