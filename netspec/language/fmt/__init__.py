"""The canonical way to write a spec down."""
