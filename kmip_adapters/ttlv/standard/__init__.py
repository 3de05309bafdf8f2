"""The standard as tables: tags, enumerations, spellings and result reasons, by protocol version."""
