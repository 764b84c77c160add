# SPDX-License-Identifier: BSL-1.0
# Sourced by the run scripts: installs what they miss from Debian's packages, and says so. Never removes a package.

kedge_need() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    local sudo=()
    [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    echo "installing from Debian: ${missing[*]}"
    "${sudo[@]}" apt-get update -qq >/dev/null || true
    if ! "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends --no-remove "${missing[@]}" >/tmp/kedge-apt.log 2>&1; then
        tail -n 20 /tmp/kedge-apt.log
        echo "apt-get could not install them without removing something (Boost 1.74-dev and 1.81-dev exclude each other)." >&2
        return 1
    fi
}
