"""Measures kmipd beside a bare TLS server (what the machine allows) and PyKMIP (what it replaces).

Nothing here imports kmip_core or kmip_adapters: a benchmark that shared the server's
codec would share its mistakes.
"""
