"""The spec: a network with its blocks kept, and how it is read from a tree."""
