"""codegym.agents.recipes: whole training runs, each of which reads like its paper's algorithm."""
