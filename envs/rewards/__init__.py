"""What an outcome is worth, and which part of a program earned it."""
