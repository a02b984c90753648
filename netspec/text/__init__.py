"""Text with places: sources, spans, diagnostics, YAML, files."""
