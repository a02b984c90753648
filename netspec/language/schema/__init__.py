"""The JSON Schema that editors read, made from the op classes."""
