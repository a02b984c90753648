"""Networks from elsewhere as specs: a reader for each form gives a `Flat`, `fold` makes the spec."""
