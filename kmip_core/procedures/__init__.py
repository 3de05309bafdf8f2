"""What several operations have in common: how an object begins, changes, is used, wrapped, replaced and given out."""
