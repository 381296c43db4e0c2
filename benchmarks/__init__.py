"""codegym.benchmarks: leaderboard runs, and speed measured beside peers."""
