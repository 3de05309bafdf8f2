"""How messages reach the server: KMIP's TTLV over TLS (both sides), and a way without sockets.

Rules of the room: no meaning of a message is known here; answers leave in request order; whatever a peer can
    make the server hold or wait for has a limit in `TransportLimits`; a peer's mistakes are log lines, never
    tracebacks.
"""
