"""The core's ports: what it asks of the outside, as small typing.Protocols.

Each module is one role. The docstrings are the contract: units, promises, what is NOT promised, errors. Adapters raise
only `KmipError`; anything else that leaves an adapter is a bug and is answered with General Failure.
"""
