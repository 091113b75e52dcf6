#!/bin/bash
# Builds the images orthanc-console/console and orthanc-console/orthanc with docker, podman or buildah.
#   BUILDER              the command, such as "buildah"; by default the first of the three that works here
#   BUILD_BASE           another base image than debian:trixie-slim
#   BUILD_CERTIFICATES   file of certificates, BUILD_PIP_CONF a pip.conf, BUILD_NPMRC an npmrc: what this site
#                        needs to reach package registries; lent to the build, not kept in the images
#   BUILD_OPTIONS        more options for every build
set -euo pipefail
cd "$(dirname "$0")/.."

read -ra builder <<<"${BUILDER:-}"
if [ ${#builder[@]} = 0 ]; then
    # The client of docker alone, without its engine, builds nothing.
    for candidate in docker podman buildah; do
        if "$candidate" info >/dev/null 2>&1; then
            builder=("$candidate")
            break
        fi
    done
fi
if [ ${#builder[@]} = 0 ]; then
    echo "None of docker, podman and buildah works here: install one, such as the package buildah." >&2
    exit 1
fi

read -ra options <<<"${BUILD_OPTIONS:-}"
if [ -n "${BUILD_BASE:-}" ]; then options+=(--build-arg "BASE=$BUILD_BASE"); fi
if [ -n "${BUILD_CERTIFICATES:-}" ]; then options+=(--secret "id=certificates,src=$BUILD_CERTIFICATES"); fi
if [ -n "${BUILD_PIP_CONF:-}" ]; then options+=(--secret "id=pip,src=$BUILD_PIP_CONF"); fi
if [ -n "${BUILD_NPMRC:-}" ]; then options+=(--secret "id=npm,src=$BUILD_NPMRC"); fi
# What docker does by itself: keep what the second image shares with the first one, and build side by side
# what does not depend on each other.
if [[ ${builder[0]} != *docker ]]; then options+=(--layers --jobs 2); fi

version=$(sed -n 's/^VERSION = "\(.*\)"$/\1/p' orthanc_console/version.py)
export DOCKER_BUILDKIT=1
for target in orthanc console; do
    name=orthanc-console/$target
    echo "Building $name:$version with ${builder[0]} …"
    "${builder[@]}" build "${options[@]}" --target "$target" --tag "$name:$version" --tag "$name:latest" .
done
