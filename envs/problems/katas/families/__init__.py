"""The families of katas, grouped by topic; each module lists its own in FAMILIES."""
