"""Search: Monte Carlo trees over unfinished programs, and best-of-n."""
