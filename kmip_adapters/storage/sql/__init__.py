"""The SQL store: one schema for all engines, Locate by indexes, commits in groups.

`storage` joins the parts: `database` reads, `writer` is the one thread that commits, `unit_of_work` is what callers
hold, `commit` what it hands over, `data_keys` and `rules` what else is kept. `schema` has the tables, `rows` and
`attribute_index` what of an object is stored where, `locate` the queries, `migration` the opening of databases of all
ages. `backend` is the protocol of a database engine; what only SQLite does is in `sqlite`, `sqlite_files` and `backup`.
"""
