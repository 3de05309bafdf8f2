"""The wire: KMIP messages as TTLV, XML and JSON, in every protocol version.

frame (framing) -> item tree (binary, xml, json) -> typed message (converter). Items have tags and types but
no meaning; names, presence by version and enumerations of tags come from the generated tables (tables).
"""
