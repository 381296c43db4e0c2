"""The three decision processes as pure functions over a frozen State."""
