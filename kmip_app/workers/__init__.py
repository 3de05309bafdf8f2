"""Several processes that serve together: one port, one store, one ready file, one admin listener.

supervisor  starts the workers, starts those anew that end, passes signals on; it serves no client itself
processes   one worker as the supervisor sees it: its process and the channel between the two
messages    what the two say to each other
nursery     the process that workers are copies of
worker      the process of a worker
sums        the figures of all workers as one server's
"""
