"""The official conformance program of the distribution specification, run and read."""

import os
import subprocess
import xml.etree.ElementTree as ET  # a report that a program of ours made
from collections import Counter
from pathlib import Path

PROGRAM = "conformance"


def conform(host: str, results: Path, version: str, **options: str) -> Counter[str]:
    """Run it against a registry, and fail if anything does; count the outcomes of its cases."""
    settings = {
        "OCI_REGISTRY": host,
        "OCI_TLS": "disabled",
        "OCI_REPO1": f"conformance/one-{version}",
        "OCI_REPO2": f"conformance/two-{version}",
        "OCI_VERSION": version,
        "OCI_RESULTS_DIR": str(results),
        "OCI_LOG": "error",
        **options,
    }
    done = subprocess.run(
        [PROGRAM], env={**os.environ, **settings}, capture_output=True, text=True, timeout=120, check=False
    )
    outcomes: Counter[str] = Counter()
    failed: list[str] = []
    for case in ET.parse(results / "junit.xml").getroot().iter("testcase"):  # noqa: S314 -- as above
        outcome = case.get("status", "unknown")
        outcomes[outcome] += 1
        if outcome not in {"passed", "skipped", "disabled"}:
            failed.append(f"{case.get('name')}: {(case.findtext('system-out') or '')[:300]}")
    assert done.returncode == 0 and not failed, "\n".join(failed) or done.stderr[-2000:]  # noqa: PT018 -- one verdict
    return outcomes
