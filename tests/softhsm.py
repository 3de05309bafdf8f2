"""SoftHSM2 tokens in temporary directories: the real PKCS#11 library where it is installed, a loud skip elsewhere."""

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import pytest
from attrs import evolve

from kmip_adapters.crypto.pkcs11 import Pkcs11Crypto
from kmip_adapters.pkcs11_session.token import Token, TokenSettings

LIBRARIES: Final = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
LABEL: Final = "kmipd"
PIN: Final = b"1234"


def library() -> Path:
    """Return SoftHSM2's library, or skip the test."""
    found = next((Path(path) for path in LIBRARIES if Path(path).exists()), None)
    if found is None or shutil.which("softhsm2-util") is None:
        pytest.skip("SOFTHSM2 IS NOT INSTALLED: keys in tokens are not tested (apt-get install softhsm2)")
    pytest.importorskip("pkcs11", reason="PYTHON-PKCS11 IS NOT INSTALLED: keys in tokens are not tested")
    return found


def configuration(folder: Path) -> Path:
    """Write a configuration for tokens in `folder` and return its path (SOFTHSM2_CONF)."""
    tokens = folder / "tokens"
    tokens.mkdir()
    path = folder / "softhsm2.conf"
    path.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    return path


def new_token(folder: Path, label: str = LABEL) -> TokenSettings:
    """Make a token in `folder` and return how it is reached."""
    module = library()
    path = configuration(folder)
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", PIN.decode()],
        check=True,
        capture_output=True,
        env={"SOFTHSM2_CONF": str(path), "PATH": "/usr/bin:/bin:/usr/local/bin"},
    )
    return TokenSettings(module=module, label=label, read_pin=lambda: PIN, environment=(("SOFTHSM2_CONF", str(path)),))


@functools.cache
def shared_crypto() -> Pkcs11Crypto:
    """Return an adapter over a token that all tests of this process share."""
    folder = Path(tempfile.mkdtemp(prefix="kmipd-softhsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    crypto = Pkcs11Crypto(Token(new_token(folder)))
    atexit.register(crypto.close)
    return crypto


class FaultyToken:
    """A token of SoftHSM2 behind a library that fails on demand (`faulty_pkcs11.c`).

    settings: reach it through that library.
    """

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            pytest.skip("NO C COMPILER IS INSTALLED: a token that fails is not tested (apt-get install gcc)")
        plain = new_token(folder)
        self._faults = folder / "faults"
        built = folder / "faulty.so"
        names = [f'-DFAULTS="{self._faults}"', f'-DLIBRARY="{plain.module}"']
        source = Path(__file__).with_name("faulty_pkcs11.c")
        subprocess.run([compiler, "-shared", "-fPIC", "-w", *names, "-o", built, source, "-ldl"], check=True)
        self.settings = evolve(plain, module=built, retry_seconds=0.01)

    def fail(self, call: str, how: int | str) -> None:
        """Have a call of PKCS#11 (without C_) fail with a code, `hang` or `crash`."""
        self._faults.write_text(f"{call} {how if isinstance(how, str) else format(how, 'x')}\n")

    def mend(self) -> None:
        """Have everything work again."""
        self._faults.unlink(missing_ok=True)

    @property
    def logins(self) -> int:
        """How often a PIN was tried."""
        log = self._faults.with_name("faults.logins")
        return len(log.read_text().splitlines()) if log.exists() else 0
