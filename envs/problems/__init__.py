"""What to solve: problems, sets of problems, and where they come from."""
