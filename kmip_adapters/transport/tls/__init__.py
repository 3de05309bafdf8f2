"""TLS: contexts, cipher suites, what a Client Hello asks for, and why a handshake failed."""
