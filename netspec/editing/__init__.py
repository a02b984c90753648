"""What an editor asks of a text: where things stand, what they are, how they change. No I/O."""
