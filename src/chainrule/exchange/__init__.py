"""Model files, ours and others'."""
