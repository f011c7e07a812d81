"""Question to grounded answer."""
