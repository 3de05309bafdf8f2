"""Where managed objects are kept: in memory for tests, and in SQL databases."""
