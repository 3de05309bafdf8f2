"""KMIP over HTTPS for the cases whose messages travel so: a POST for each message."""

import http.client
import ssl
from collections.abc import Callable
from http import HTTPStatus

Post = Callable[[bytes, str], bytes]
"""Body and content type of a request -> body of the answer.  Raises OSError."""


def poster(host: str, port: int, context: ssl.SSLContext, timeout: float = 30.0) -> Post:
    """Return what posts messages to a server's `/kmip`."""

    def post(body: bytes, content_type: str) -> bytes:
        connection = http.client.HTTPSConnection(host, port, context=context, timeout=timeout)
        try:
            connection.request("POST", "/kmip", body, {"Content-Type": content_type})
            answer = connection.getresponse()
            content = answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"no HTTP answer: {error}") from error
        finally:
            connection.close()
        if answer.status != HTTPStatus.OK:
            raise ConnectionError(f"HTTP {answer.status} {answer.reason}")
        return content

    return post
