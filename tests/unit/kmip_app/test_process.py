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


COLLECTING = """
import gc
from kmip_app import process
process.begin()
seen = [gc.isenabled(), gc.get_threshold()[0], gc.get_freeze_count() > 0]
process.settle_in()
print(*seen, gc.get_threshold()[0])
"""


def test_a_start_is_collected_seldom_and_requests_more_often() -> None:
    found = subprocess.run([sys.executable, "-c", COLLECTING], capture_output=True, text=True, check=True)

    assert found.stdout == "True 100000 True 10000\n"
