"""The wire: KMIP messages as TTLV, XML and JSON, in every protocol version.

    encodings   bytes to items and back: framing, binary, xml, json; tag, type, value; no meaning
    messages    headers and batches; the dialect of a version, with everything planned (versions)
    converter   payloads: planner, fields, elements; key blocks; attributes in the form of 1.x and of 2.x; refusals
    standard    versions (a row of facts each), tables (generated), spellings (fields not called like their tag),
                reasons

`codec` reads and writes whole messages, `service` answers frames with all of it, `key_values` encodes what key wrapping
wraps, `failure_injection` fails on request. Who imports whom is a contract in pyproject.toml.
"""
