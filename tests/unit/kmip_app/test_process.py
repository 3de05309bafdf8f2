"""Habits of the process that serves."""

import subprocess
import sys

ASKED = """
import ctypes, resource
from kmip_app.process import forbid_core_dumps
PR_GET_DUMPABLE = 3
forbid_core_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))
"""


def test_there_is_no_core_file_and_no_other_process_reads_the_memory() -> None:
    found = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True)

    assert found.stdout == "(0, 0) 0\n"
