"""A runner of submissions without threads: it runs what a client waits for at once, and the rest when a test asks."""

from collections.abc import Callable
from typing import Any, Final

from attrs import define, field

from kmip_adapters.storage.pending import DONE, Done
from kmip_core.engine import Engine
from kmip_core.enums import AsynchronousIndicator, Operation, ResultStatus
from kmip_core.messages import ResponseBatchItem
from kmip_core.operations import poll
from kmip_core.ports.steps import run_blocking
from kmip_core.principal import Principal
from tests.builders import ALICE, an_engine, ask

CLAIM_SECONDS: Final = 15
MANDATORY: Final = AsynchronousIndicator.MANDATORY
OPTIONAL: Final = AsynchronousIndicator.OPTIONAL


@define
class HandRunner:
    """A `SubmissionRunner`.

    is_slow: whether what is hurried waits all the same, as where all workers are busy.
    dies: whether the process ends after the next submission.
    ended: correlation values of what has ended, in that order.  meanwhile: called once by the next wait.
    """

    name: str = "here"
    is_slow: bool = False
    ended: list[bytes] = field(factory=list)
    waits: list[int] = field(factory=list)
    wakes: int = 0
    meanwhile: Callable[[], object] | None = None
    dies: bool = False
    engine: Any = None

    def wake(self) -> None:
        """Count it."""
        self.wakes += 1

    def hurry(self, batch: str, identity: str) -> None:
        """Run the batch now."""
        if not self.is_slow and self._store.claim_batch(batch, self.name, self._now, self._now + CLAIM_SECONDS):
            self.run(batch)

    def has_ended(self, correlation_value: bytes) -> None:
        """Remember it; or die, once."""
        if self.dies:
            self.dies = False
            raise SystemExit
        self.ended.append(correlation_value)

    def wait(self, correlation_value: bytes, milliseconds: int) -> Done:
        """Return what is known: no time passes."""
        self.waits.append(milliseconds)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return DONE

    def run_due(self) -> int:
        """Run what is due; return how many batches that were."""
        batches = 0
        while claimed := self._store.claim(self.name, self._now, self._now + CLAIM_SECONDS, 1):
            for batch in claimed:
                self.run(batch)
                batches += 1
        return batches

    def run(self, batch: str) -> None:
        """Run a batch that was claimed."""
        run_blocking(self.engine.run_submitted(batch))

    @property
    def _now(self) -> int:
        now: int = self.engine.services.clock.now()
        return now

    @property
    def _store(self) -> Any:
        return self.engine.services.storage


def an_engine_with_runner(*objects: Any, **parts: Any) -> tuple[Engine, HandRunner]:
    """Return an engine that answers later, and what runs that."""
    runner = parts.setdefault("runner", HandRunner())
    engine = an_engine(*objects, **parts)
    runner.engine = engine
    return engine, runner


def submitted(
    engine: Engine, *items: tuple[Operation, Any], principal: Principal = ALICE, **header: Any
) -> list[bytes]:
    """Submit a batch, each item of which must be answered Pending; return the correlation values."""
    answers = ask(engine, *items, principal=principal, **{"asynchronous_indicator": MANDATORY, **header}).batch_items
    assert [item.result_status for item in answers] == [ResultStatus.OPERATION_PENDING] * len(items)
    values = [item.asynchronous_correlation_value for item in answers]
    assert None not in values
    return [value for value in values if value is not None]


def polled(engine: Engine, value: bytes, principal: Principal = ALICE) -> ResponseBatchItem:
    """Return the answer to a Poll."""
    request = poll.Request(asynchronous_correlation_value=value)
    (item,) = ask(engine, (Operation.POLL, request), principal=principal).batch_items
    return item
