"""The language server: what editors and the live page ask, answered by `netspec.editing`."""
