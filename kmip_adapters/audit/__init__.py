"""The audit trail: a hash-chained file, and its check."""
