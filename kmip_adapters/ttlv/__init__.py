"""The wire: KMIP messages as TTLV and XML, in every protocol version.

    frame           framing
    item tree       items, binary, xml: tag, type, value; no meaning
    message         codec, the door: request_messages, response_messages, message_items; a version's dialect (dialects)
    payload         converter, the second door: planner, fields; special_fields, attribute_fields_1x and _2x
    value           elements; attribute_table, attributes_1x and _2x
    data            tables (generated), spellings (where a field is not called like its tag), reasons

`service` answers frames with all of it, `key_values` encodes what key wrapping wraps, `mishaps` fails on request. Who
imports whom is a contract in pyproject.toml.
"""
