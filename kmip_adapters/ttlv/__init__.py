"""The wire: KMIP messages as TTLV and XML, in every protocol version.

    encodings   bytes to items and back: framing, binary, xml; tag, type, value; no meaning
    messages    headers and batches; what a version means by them (versions)
    converter   payloads: planner, fields, elements; attributes in the form of 1.x and of 2.x
    standard    tables (generated), spellings (where a field is not called like its tag), reasons

`codec` reads and writes whole messages, `service` answers frames with all of it, `key_values` encodes what key wrapping
wraps, `mishaps` fails on request, `unknowns` has what every room refuses. Who imports whom is a contract in
pyproject.toml.
"""
