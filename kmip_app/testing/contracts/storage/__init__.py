"""What every store promises (`kmip_core.ports.storage`); wanted: a fixture `opener`, an `Opener`."""

from kmip_app.testing.contracts.storage.creation_rules import *  # noqa: F403  its promises
from kmip_app.testing.contracts.storage.durability import *  # noqa: F403  its promises
from kmip_app.testing.contracts.storage.many_at_once import *  # noqa: F403  its promises
from kmip_app.testing.contracts.storage.on_event_loops import *  # noqa: F403  its promises
from kmip_app.testing.contracts.storage.reading_again import *  # noqa: F403  its promises
from kmip_app.testing.contracts.storage.searching import *  # noqa: F403  its promises
from kmip_app.testing.contracts.storage.support import Opener, Store, store  # noqa: F401
from kmip_app.testing.contracts.storage.telling_its_state import *  # noqa: F403  its promises
from kmip_app.testing.contracts.storage.tickets import *  # noqa: F403  its promises
from kmip_app.testing.contracts.storage.units_of_work import *  # noqa: F403  its promises
