"""The console's settings for tests: nothing in the data folder, and passwords that hash fast."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

TEST_DATA_DIR = Path(tempfile.mkdtemp(prefix="orthanc-console-tests-"))
# WhiteNoise warns when its folder is missing.
(TEST_DATA_DIR / "static").mkdir()
atexit.register(shutil.rmtree, TEST_DATA_DIR, ignore_errors=True)
os.environ["DATA_DIR"] = str(TEST_DATA_DIR)

from orthanc_console.settings import *  # noqa: E402, F403
from orthanc_console.settings import DATABASES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# A file, as in operation: threads of a live server would see other locks in a shared memory one.
DATABASES["default"]["TEST"] = {"NAME": str(TEST_DATA_DIR / "test.sqlite3")}
if DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"] = {}
