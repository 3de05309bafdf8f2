"""The SQL store: one schema for SQLite and PostgreSQL, Locate by indexes, commits in groups.

`schema` the tables; `attribute_index` what of an object is indexed; `locate` queries; `unit_of_work` what callers hold;
`writer` the one thread that commits; `sqlite` all that is SQLite's own; `migration` opening old and new databases.
"""
