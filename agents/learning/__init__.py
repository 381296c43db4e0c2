"""Learning: token batches, advantages and one loss kernel. Importing this loads no torch."""
