"""Sends the sample studies of the demo to an Orthanc by its REST API.

python -m testbed.send_samples http://orthanc:8042   with the password of its user in ORTHANC_PASSWORD_FILE
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from testbed.demo import make_samples
from testbed.studies import send_by_rest

USER = "orthanc"


def main(url: str) -> None:
    password = Path(os.environ["ORTHANC_PASSWORD_FILE"]).read_text(encoding="ascii")
    with tempfile.TemporaryDirectory() as folder:
        samples = make_samples(Path(folder))
        for sample in samples:
            send_by_rest(sample.files, url, (USER, password))
    print(f"Sent {len(samples)} studies to {url}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
