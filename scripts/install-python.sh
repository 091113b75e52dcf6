#!/bin/bash
# Makes .venv, or brings it up to date, with exactly the packages of requirements-dev.txt.
set -euo pipefail

python=${PYTHON:-python3}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if [ "$(printf '3.11\n%s\n' "$version" | sort --version-sort | head -n 1)" != 3.11 ]; then
    echo "Orthanc Console needs Python 3.11 or newer, but $python is $version." >&2
    echo "Install a newer one beside it and name it: make PYTHON=python3.12 …" >&2
    exit 1
fi
if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    "$python" -m venv --clear .venv
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --use-pep517 --require-hashes --requirement requirements-dev.txt
