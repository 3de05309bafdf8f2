"""Adapters for the crypto port: software (pyca/cryptography) and hsm_stub (keys behind handles)."""
