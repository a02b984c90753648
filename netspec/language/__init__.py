"""The language of specs: its model, and what reads, checks, patches, formats and describes it."""
