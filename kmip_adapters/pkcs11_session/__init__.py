"""A PKCS#11 token for the rooms that need one (crypto and sealing), behind processes of its own.

    token      what the server holds: calls with a deadline, worker processes that are restarted, errors for operators
    worker     the process that loads the vendor's library: one login, one session, one call at a time
    messages   how the two talk: length-prefixed JSON over a socket pair, never over argv or the environment
    uri        RFC 7512 names of tokens and keys

A vendor's library is native code: it may hang, crash or dislike threads. In a process of its own it can do none of that
to the server.
"""
