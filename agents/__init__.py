"""codegym.agents: language models, learning, search, and adapters to other libraries."""
