"""Cleaning problem sets, and finding what two sets share; here because references have to run."""
