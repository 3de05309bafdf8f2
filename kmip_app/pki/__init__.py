"""The built-in PKI, and the watch over certificates that change while the server runs."""
