"""A server in a process of its own, which these tests share with those of tests/e2e."""

from tests.e2e.conftest import ephemeral

__all__ = ["ephemeral"]
