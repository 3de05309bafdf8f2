"""A KMIP server for the tests of a client: real TLS on a free port, in a thread, with certificates of its own.

    with KmipTestServer() as server:
        client = ProxyKmipClient(server.host, server.port, cert=server.cert, key=server.key, ca=server.ca, ...)

With pytest the fixtures `kmip_server` and `kmip_server_factory` are there as soon as kmipd is installed
(`kmip_app.pytest_plugin`). Beyond serving, a test sets what it holds (`seed`), what time it is (`clock`), what to
fail at (`fail_next`), and it tells what it was asked (`requests`). docs/testing-clients.md is the manual.
"""

from kmip_app.testing.clients import ClientCertificate
from kmip_app.testing.server import KmipServerFactory, KmipTestServer

__all__ = ["ClientCertificate", "KmipServerFactory", "KmipTestServer"]
