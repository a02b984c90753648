"""Rewrites of a spec into another one that computes the same, and of its weights."""
