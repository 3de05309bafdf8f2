"""Requests of the server to clients: who is to be sent what, when, and over which connection (ADR 0186, ADR 0187)."""
