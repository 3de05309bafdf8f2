"""Imported once by the process that workers are copies of: all modules, and nothing else."""

import gc

gc.disable()

import kmip_app.server  # noqa: E402
import kmip_app.workers.worker  # noqa: E402, F401

gc.freeze()  # what is there now is shared by all copies: no collection is to write to it
gc.enable()
