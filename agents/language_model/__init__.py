"""Language models as agents: load, sample exactly, score, fine-tune, and act in the three environments."""
