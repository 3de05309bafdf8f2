"""Asks SLUGS services for groups, as PyKMIP does: GET URL/users/NAME, then GET URL/users/NAME/groups.

Services are tried in order, and the first that knows the user counts. A user whom none knows is refused, and so is
every client while none can be asked. Redirections are not followed.
"""

import json
import ssl
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlsplit

from kmip_adapters.identity.groups import LOG, UNREACHABLE, refused
from kmip_core.classes import define, frozen

ANSWER_SIZE: Final = 1024 * 1024  # bytes


class _Unreachable(Exception):
    """A service gave no usable answer; the text is for the log."""


@frozen
class SlugsService:
    """One service.  timeout: seconds for one answer, whole."""

    url: str
    timeout: float = 5.0

    def groups(self, name: str) -> frozenset[str] | None:
        """Return the groups of a user, None for one it does not know."""
        path = f"/users/{quote(name, safe='')}"
        if self._get(path) is None:
            return None
        answer = self._get(f"{path}/groups")
        if answer is None:
            return None
        try:
            groups = json.loads(answer)["groups"]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise _Unreachable("its answer is not JSON with groups") from None
        if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
            raise _Unreachable("its groups are not a list of names")
        return frozenset(groups)

    def _get(self, path: str) -> bytes | None:
        """Return the body of a good answer, None for 404."""
        import http.client  # with the parsers of mail that it brings: few servers ask such a service

        parts = urlsplit(self.url)
        ends = time.monotonic() + self.timeout
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(
                parts.hostname or "", parts.port, timeout=self.timeout, context=ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=self.timeout)
        try:
            connection.request("GET", parts.path.rstrip("/") + path, headers={"Accept": "application/json"})
            response = connection.getresponse()
            body = b""
            while chunk := response.read1(65_536):
                body += chunk
                if len(body) > ANSWER_SIZE or time.monotonic() > ends:
                    raise _Unreachable("its answer is too long, or takes too long")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _Unreachable(getattr(error, "strerror", None) or str(error) or type(error).__name__) from error
        finally:
            connection.close()
        if response.status == http.HTTPStatus.NOT_FOUND:
            return None
        if response.status != http.HTTPStatus.OK:
            raise _Unreachable(f"it answered {response.status}")
        return body


@define
class SlugsDirectory:
    """All services, as one question for `RememberedGroups`."""

    services: tuple[SlugsService, ...]
    is_name: Callable[[str], bool] = lambda name: name not in {".", ".."}  # those would be other paths

    @property
    def timeout(self) -> float:
        """Seconds in which all have been asked."""
        return 2 * sum(service.timeout for service in self.services)

    def __call__(self, name: str) -> frozenset[str]:
        """Return the groups.  Raises KmipError (Authentication Not Successful)."""
        failures = 0
        for service in self.services if self.is_name(name) else ():
            try:
                groups = service.groups(name)
            except _Unreachable as error:
                LOG.warning("SLUGS service %s: %s", service.url, error)
                failures += 1
                continue
            if groups is not None:
                return groups
        if failures:
            raise refused(UNREACHABLE)
        raise refused("the group service does not know the client certificate's name")
