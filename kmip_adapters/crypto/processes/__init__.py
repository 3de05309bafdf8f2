"""Processes for work that may be long or keeps the interpreter's lock: a pool whose jobs can be killed.

pool     the server's side: a few child processes, one job at a time each, started when the first job comes
worker   the child's side: limits itself, runs jobs until its parent is gone
pickles  jobs and answers as bytes
"""

from kmip_adapters.crypto.processes.pool import InThisProcess, ProcessPool, Runner

__all__ = ["InThisProcess", "ProcessPool", "Runner"]
