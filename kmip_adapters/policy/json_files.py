"""Operation policies from PyKMIP's JSON files, taken up while the server runs.

Where several files name one policy, the file that was loaded last wins; when it goes, or no longer names the policy,
the one before it is in force again. A file that cannot be read changes nothing: what it last said stays in force.
`default` and `public` are built in and reserved.

Judging never waits: a reload builds a new table and puts it in the place of the old one with a single assignment.
"""

import logging
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from attrs import field

from kmip_adapters.policy.json_format import MAXIMUM_SIZE, Problem, read_policies
from kmip_adapters.policy.static import StaticPolicies
from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.errors import Unusable
from kmip_core.objects import ManagedObject
from kmip_core.policy import BUILT_IN, Decision, OperationPolicy, Visibility
from kmip_core.principal import Principal

SCAN_EVERY: Final = 0.5  # seconds; also where the system tells of changes, since not every file system does

Stamp: TypeAlias = tuple[int, int, int]

log = logging.getLogger(__name__)


class MissingPolicies(Unusable):
    """There is no file or folder to read policies from; the text says what to do."""


@frozen
class _Layer:
    """What one file said when it was last read.  stamp: by which a change is noticed."""

    stamp: Stamp
    policies: Mapping[str, OperationPolicy] = field(factory=dict)
    problems: tuple[Problem, ...] = ()


class JsonPolicies:
    """Judges by the policies of one file, or of all `*.json` files of one folder, and by the built-in ones."""

    def __init__(
        self,
        path: Path,
        *,
        is_live: bool = True,
        on_reload: Callable[[], None] | None = None,
    ) -> None:
        """Read the policies; those of a file with problems are left out, which denies (see `problems`).

        is_live: whether changes are taken up, within a second, until `close`.
        on_reload: called after each change that was taken up.
        Raises MissingPolicies.
        """
        if not path.exists():
            raise MissingPolicies(f"the policy path {path} does not exist; create it or leave the setting out")
        self._path = path
        self.on_reload = on_reload
        self._layers: dict[Path, _Layer] = {}  # in the order of loading
        self._is_readable = True
        self._scanning = threading.Lock()
        self._table = StaticPolicies()
        self.refresh()
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="policies", daemon=True)
        if is_live:
            self._watcher.start()

    @property
    def names(self) -> frozenset[str]:
        """The names of the policies in force."""
        return self._table.names

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the files as they are now."""
        return tuple(problem for layer in list(self._layers.values()) for problem in layer.problems)

    def decide(self, principal: Principal, operation: Operation, managed_object: ManagedObject) -> Decision:
        """Return the decision for one object; never raises."""
        return self._table.decide(principal, operation, managed_object)

    def visibility(self, principal: Principal) -> Visibility:
        """Return which objects Locate may show."""
        return self._table.visibility(principal)

    def in_force(self) -> StaticPolicies:
        """Return the table of the policies in force."""
        return self._table

    def is_known(self, policy_name: str) -> bool:
        """Return whether a policy of this name is in force."""
        return self._table.is_known(policy_name)

    def refresh(self) -> bool:
        """Look at the files now; return whether anything had changed."""
        with self._scanning:
            layers = self._scan()
            if layers is None:
                return False
            self._layers = layers
            in_force: dict[str, OperationPolicy] = {}
            for layer in layers.values():
                in_force |= layer.policies
            self._table = StaticPolicies({**in_force, **BUILT_IN})
        if self.on_reload is not None:
            self.on_reload()
        return True

    def close(self) -> None:
        """Take up no more changes; judging goes on."""
        self._stop.set()
        if self._watcher.is_alive():
            self._watcher.join()

    def _scan(self) -> dict[Path, _Layer] | None:
        """Return the layers as they should be now, or None if all is as it was."""
        try:
            if stat.S_ISDIR(self._path.stat().st_mode):
                paths = sorted(self._path.glob("*.json"))
            else:
                paths = [self._path]
        except OSError as error:
            if self._is_readable:
                log.error("policies of %s stay as they are: %s", self._path, error.strerror)
            self._is_readable = False
            return None
        self._is_readable = True
        layers = dict(self._layers)
        for path in layers.keys() - set(paths):
            log.info("Removing policies for file: %s", path)
            del layers[path]
        for path in paths:
            before = layers.get(path)
            now = _stamp(path)
            if before is not None and before.stamp == now:
                continue
            layer = self._load(path, now, is_new=before is None)
            if layer.problems:  # what the file last said stays in force, in its old place
                layers[path] = _Layer(now, before.policies if before is not None else {}, layer.problems)
            else:
                layers.pop(path, None)
                layers[path] = layer
        return None if list(layers.items()) == list(self._layers.items()) else layers

    def _load(self, path: Path, stamp: Stamp, *, is_new: bool) -> _Layer:
        log.info("Loading policies for file: %s", path)
        try:
            with path.open("rb") as file:
                policies, problems = read_policies(file.read(MAXIMUM_SIZE + 1), str(path))
        except OSError as error:
            policies, problems = {}, [Problem(str(path), "", f"cannot be read: {error.strerror}")]
        for problem in problems:
            log.error("%s", problem)
        if problems:
            what = "its policies are not in force" if is_new else "what it said before stays in force"
            log.error("Failure loading file: %s; %s", path, what)
        for name in sorted(policies.keys() & BUILT_IN.keys()):
            log.warning("Policy '%s' overwrites a reserved policy and will be thrown out.", name)
            del policies[name]
        return _Layer(stamp, policies, tuple(problems))

    def _watch(self) -> None:
        for _ in _wake_ups(self._path, self._stop):
            self.refresh()


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _wake_ups(path: Path, stop: threading.Event) -> Iterator[None]:
    """Yield whenever it is time to look, until `stop`: at each change if watchfiles is there, and at intervals."""
    try:
        import watchfiles
    except ImportError:
        watchfiles = None  # type: ignore[assignment]  # the extra `watch` is optional
    folder = path if path.is_dir() else path.parent  # editors replace files: a watch on the file would lose it
    if watchfiles is not None:
        try:
            for _ in watchfiles.watch(
                folder,
                stop_event=stop,
                recursive=False,
                debounce=100,
                rust_timeout=int(SCAN_EVERY * 1_000),
                yield_on_timeout=True,
                raise_interrupt=False,
            ):
                yield
        except (OSError, RuntimeError) as error:  # the folder is gone, or the system has no more watches to give
            log.debug("watching %s by time only: %s", folder, error)
    while not stop.wait(SCAN_EVERY):
        yield
