"""What the examples share: how a network built by netspec is trained, in small pieces."""
