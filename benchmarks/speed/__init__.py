"""Speed measured beside peers, as ratios from one run."""
