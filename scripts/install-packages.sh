#!/bin/bash
# Installs the Debian or Ubuntu packages that are missing: install-packages.sh demo|test
# Services that come with them are neither started nor enabled: demo and tests start their own.
set -euo pipefail

packages=(orthanc orthanc-python orthanc-dicomweb dcmtk)
python=${PYTHON:-python3}
if ! "$python" -c 'import ensurepip' 2>/dev/null; then packages+=(python3-venv); fi
if [ "$1" = test ]; then packages+=(postgresql orthanc-postgresql debootstrap chromium buildah netavark iproute2); fi

missing=()
for package in "${packages[@]}"; do
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
        missing+=("$package")
    fi
done
if [ ${#missing[@]} = 0 ]; then exit 0; fi

if ! command -v apt-get >/dev/null; then
    echo "This needs ${missing[*]}, and knows only apt-get to install it: use Debian or Ubuntu." >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" != 0 ]; then as_root=(sudo); fi
log=$(mktemp)
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "$@" >>"$log" 2>&1; }

policy=/usr/sbin/policy-rc.d
kept=$policy.kept-by-orthanc-console
forbid_services() {
    if [ -e $policy ] && ! grep --quiet orthanc-console $policy; then
        "${as_root[@]}" mv $policy $kept
    fi
    printf '#!/bin/sh\n# set for a moment by orthanc-console\nexit 101\n' |
        "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod 755 $policy
}
allow_services() {
    "${as_root[@]}" rm -f $policy
    if [ -e $kept ]; then "${as_root[@]}" mv $kept $policy; fi
}

# One source that does not answer is no reason to stop: the packages may come from the others.
if ! apt update; then
    echo "apt-get update failed (see $log); trying with the package lists that are here." >&2
fi
installable=()
for package in "${missing[@]}"; do
    # Ubuntu has Chromium only as a snap, which Playwright cannot use.
    if [ "$package" = chromium ] && ! apt-cache show chromium >/dev/null 2>&1; then
        echo "There is no package chromium here: the tests in the browser will be skipped." >&2
    else
        installable+=("$package")
    fi
done
if [ ${#installable[@]} = 0 ]; then
    rm "$log"
    exit 0
fi

echo "Installing ${installable[*]} …"
trap allow_services EXIT
forbid_services
if ! apt install --yes --no-install-recommends "${installable[@]}"; then
    tail -n 20 "$log" >&2
    echo "apt-get install failed; all that it wrote is in $log." >&2
    exit 1
fi
for service in orthanc postgresql; do
    if [[ " ${installable[*]} " = *" $service "* ]] && command -v systemctl >/dev/null; then
        "${as_root[@]}" systemctl --quiet disable "$service" 2>>"$log"
    fi
done
rm "$log"
