#!/bin/sh
# Makes a Debian tree as small as the image debian:SUITE-slim, which is not to be had everywhere:
#   build-base.sh SUITE MIRROR DIRECTORY
set -eu

suite=$1
mirror=$2
root=$3

proxy=$(apt-config dump --format '%v%n' Acquire::http::Proxy | head -n 1)
if [ -n "$proxy" ]; then export http_proxy="$proxy"; fi
debootstrap --variant=minbase "$suite" "$root" "$mirror"

# What the makers of that image set, too: no services are started, nothing is kept of package lists and
# downloads, no documentation and translations are unpacked.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
cat >"$root/etc/apt/apt.conf.d/docker-clean" <<'END'
APT::Keep-Downloaded-Packages "false";
Binary::apt::APT::Keep-Downloaded-Packages "false";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
Acquire::GzipIndexes "true";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };
END
cat >"$root/etc/dpkg/dpkg.cfg.d/slim" <<'END'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
END
rm -rf "$root"/usr/share/info/* "$root"/usr/share/locale/* "$root"/usr/share/man/* \
    "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
find "$root/usr/share/doc" ! -type d ! -name copyright -delete
find "$root/usr/share/doc" -type d -empty -delete
# Those of the machine it was made on.
rm -f "$root/etc/resolv.conf" "$root/etc/hostname"
touch "$root/etc/resolv.conf" "$root/etc/hostname" "$root/etc/hosts"
