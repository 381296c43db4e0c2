"""codegym.benchmarks.leaderboard: runs that others can reproduce, and what can be said from them."""
