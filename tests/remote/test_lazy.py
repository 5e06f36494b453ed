import subprocess
import sys

PROGRAM = """
import sys
from orchard.remote import Options, Registry
repository = Registry("registry.example.com", options=Options()).repository("team/model")
print(*sorted(name for name in ("ssl", "urllib3", "http.client", "email") if name in sys.modules))
"""


def test_no_http_library_is_loaded_before_the_first_request() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert done.stdout == "\n"
