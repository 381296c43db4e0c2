"""Adapters: codegym's environments and scores in the forms that other libraries ask for."""
