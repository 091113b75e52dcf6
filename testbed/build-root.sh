#!/bin/sh
# Builds a Debian tree with Orthanc and its plugins, as root, in a mount namespace of its own
# (unshare --mount), so that a build that was interrupted leaves no mounts:
#   build-root.sh SUITE MIRROR DIRECTORY
# The tree appears at DIRECTORY only when it is complete.
set -eu

suite=$1
mirror=$2
target=$3
half_built=$target.partial

rm -rf --one-file-system "$half_built"
mkdir -p "$half_built"

proxy=$(apt-config dump --format '%v%n' Acquire::http::Proxy | head -n 1)
if [ -n "$proxy" ]; then export http_proxy="$proxy"; fi

# A debootstrap that is older than the suite has no script for it; every suite starts as sid does.
share=$(mktemp -d)
trap 'rm -rf "$share"' EXIT
cp -a /usr/share/debootstrap/. "$share"
if [ ! -e "$share/scripts/$suite" ]; then ln -s sid "$share/scripts/$suite"; fi
DEBOOTSTRAP_DIR=$share debootstrap --variant=minbase "$suite" "$half_built" "$mirror"

# Orthanc's package must not start its service.
printf '#!/bin/sh\nexit 101\n' > "$half_built/usr/sbin/policy-rc.d"
chmod 755 "$half_built/usr/sbin/policy-rc.d"

mount --rbind /proc "$half_built/proc"
mount --rbind /dev "$half_built/dev"
DEBIAN_FRONTEND=noninteractive chroot "$half_built" apt-get install --yes \
    --no-install-recommends orthanc orthanc-python orthanc-dicomweb orthanc-postgresql
chroot "$half_built" apt-get clean
umount --recursive --lazy "$half_built/proc" "$half_built/dev"

# One of an older version of this script may be there.
rm -rf --one-file-system "$target"
mv -T "$half_built" "$target"
