"""Specs that patch other specs: `extends`, `change`, `insert` and `remove`."""
