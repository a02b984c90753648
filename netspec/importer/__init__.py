"""Networks from elsewhere as specs: each form's reader gives a `Flat`, `fold` makes the spec."""
