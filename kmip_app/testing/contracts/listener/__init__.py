"""What every Listener promises (`kmip_core.ports.transport`); wanted: a fixture `bench`, a `Bench`.

A bench makes the listener over a service of the suite, and clients that speak with it: TLS, certificates and the way
in which a message is carried are the adapter's own affair. `listener.streams` alone tries what has no listener but
answers messages: it wants a fixture `peer`, a `Peer`, instead.
"""

from kmip_app.testing.contracts.listener.endings import *  # noqa: F403  its promises
from kmip_app.testing.contracts.listener.limits import *  # noqa: F403  its promises
from kmip_app.testing.contracts.listener.serving import *  # noqa: F403  its promises
from kmip_app.testing.contracts.listener.streams import *  # noqa: F403  its promises
from kmip_app.testing.contracts.listener.support import (  # noqa: F401  for the author of an adapter
    Bench,
    Client,
    Peer,
    Wanted,
    listener,
    peer,
    service,
)
