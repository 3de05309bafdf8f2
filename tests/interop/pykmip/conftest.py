"""Servers in processes of their own, which these tests share with those of tests/e2e."""

from tests.e2e.conftest import ephemeral, start

__all__ = ["ephemeral", "start"]
