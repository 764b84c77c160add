# SPDX-License-Identifier: BSL-1.0
# Sourced by the run scripts from the project's folder: installs what they miss from Debian's packages, and says so.
# Never removes a package: Boost 1.74-dev and 1.81-dev exclude each other, and a user's Boost must not vanish. What apt
# refuses for that reason is unpacked under .deps/ instead.

kedge_cmake_options=()  # every `cmake` of the run scripts gets these
kedge_deps=$PWD/.deps
export CCACHE_BASEDIR=$PWD  # ccache then knows a unit again that another build folder has compiled
export CCACHE_SLOPPINESS=pch_defines,time_macros  # or it knows none with a precompiled header

kedge_missing() {
    local package
    for package in "$@"; do
        [ -e "$kedge_deps/unpacked/$package" ] && continue
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
    done
}

kedge_as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# kedge_unpack PACKAGE...: into .deps/usr, with what they depend on and the machine does not have
kedge_unpack() {
    local package all
    mkdir -p "$kedge_deps/archives" "$kedge_deps/unpacked"
    all=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
        --no-enhances "$@" 2>/dev/null | grep -E '^[a-z0-9]' | sort -u)
    for package in $(kedge_missing $all); do
        (cd "$kedge_deps/archives" && apt-get download -qq "$package" 2>/dev/null) || continue  # virtual packages
        dpkg -x "$kedge_deps/archives/${package}"_*.deb "$kedge_deps" || return 1
        touch "$kedge_deps/unpacked/$package"
    done
}

# kedge_need PACKAGE...
kedge_need() {
    local missing log
    missing=$(kedge_missing "$@" | tr '\n' ' ')
    if [ -n "$missing" ]; then
        log=$(mktemp)
        echo "installing from Debian's packages: $missing"
        case " $missing" in
        *" postgresql-15 "*) echo "  (postgresql-15 comes with a server of its own on port 5432; kedge starts another one, and leaves that alone)" ;;
        esac
        kedge_as_root apt-get update -qq >"$log" 2>&1 || echo "apt-get update failed; trying with the lists at hand"
        if ! kedge_as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends --no-remove $missing >"$log" 2>&1; then
            echo "apt-get would have to remove something, or may not install; unpacking under .deps/ instead"
            kedge_unpack $missing
            missing=$(kedge_missing "$@" | tr '\n' ' ')
            if [ -n "$missing" ]; then
                tail -n 15 "$log" >&2
                echo "still missing: $missing" >&2
                rm -f "$log"
                return 1
            fi
        fi
        rm -f "$log"
    fi
    kedge_use_deps
}

# Makes cmake and the compilers look under .deps/ first, if anything was unpacked there.
kedge_use_deps() {
    [ -d "$kedge_deps/usr" ] || return 0
    local triplet
    triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo x86_64-linux-gnu)
    kedge_cmake_options=("-DCMAKE_PREFIX_PATH=$kedge_deps/usr" "-DBOOST_ROOT=$kedge_deps/usr"
        "-DCMAKE_LIBRARY_ARCHITECTURE=$triplet")
    export PATH=$kedge_deps/usr/bin:$PATH
    export LD_LIBRARY_PATH=$kedge_deps/usr/lib/$triplet${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    export PYTHONPATH=$kedge_deps/usr/lib/python3/dist-packages${PYTHONPATH:+:$PYTHONPATH}
    export CPLUS_INCLUDE_PATH=$kedge_deps/usr/include:$kedge_deps/usr/include/$triplet${CPLUS_INCLUDE_PATH:+:$CPLUS_INCLUDE_PATH}
}
