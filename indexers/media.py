"""Which kind of file this is. The content is believed, not the suffix."""
