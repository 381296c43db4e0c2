"""One module a command: a dataclass `Options` (its docstring is the help page) and `main(options) -> exit code`."""
