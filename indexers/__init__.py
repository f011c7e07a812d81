"""Files to a searchable index. Knows no LLM and no user interface."""
