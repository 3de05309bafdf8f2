"""What a quota refuses, and what it lets through."""

import pytest

from kmip_adapters.storage.quotas import Growth, Holdings, Quota, refusal
from kmip_core.enums import ResultReason

QUOTA = Quota(objects=10, stored_bytes=1_000)
NEW = Growth().with_write(Holdings(1, 100), changes_state=False)
CHANGED = Growth().with_write(Holdings(0, 100), changes_state=False)
REVOKED = Growth().with_write(Holdings(0, 100), changes_state=True)
SMALLER = Growth().with_write(Holdings(0, -100), changes_state=False)


@pytest.mark.parametrize(
    ("held", "growth", "is_refused"),
    [
        (Holdings(9, 900), NEW, False),
        (Holdings(10, 0), NEW, True),
        (Holdings(1, 901), NEW, True),
        (Holdings(10, 1_000), CHANGED, False),
        (Holdings(10, 1_001), CHANGED, True),
        (Holdings(99, 9_999), REVOKED, False),
        (Holdings(99, 9_999), SMALLER, False),
        (Holdings(99, 9_999), REVOKED.with_write(Holdings(0, 1), changes_state=False), True),
        (Holdings(10, 1_001), CHANGED.with_write(Holdings(-1, -500), changes_state=False), False),
    ],
    ids=[
        "ok up to the quota",
        "fail one object more",
        "fail one byte more",
        "ok a change within the reserve",
        "fail a change beyond the reserve",
        "ok another state",
        "ok what becomes smaller",
        "fail another state beside a growth",
        "ok what is smaller in all",
    ],
)
def test_a_quota_refuses_growth_over_its_limits(held: Holdings, growth: Growth, is_refused: bool) -> None:
    error = refusal(held, growth, QUOTA)

    assert (error is not None) == is_refused
    assert error is None or error.reason is ResultReason.SERVER_LIMIT_EXCEEDED
