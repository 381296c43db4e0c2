"""Katas: our own problems, made by procedural families; the default set of every environment."""
