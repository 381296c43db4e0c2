"""Problem sets made by others: one file a format."""
