"""Emitters: a compiled network becomes code, pictures and tables."""
