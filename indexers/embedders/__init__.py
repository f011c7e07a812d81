"""Text and picture embedding models."""
