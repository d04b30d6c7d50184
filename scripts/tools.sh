# Sourced by the scripts here and by .ci/run: the tools that they install, and the servers that they start.
# shellcheck shell=bash
tools="$HOME/.cache/mfa/tools"
mkdir -p "$tools"
export PATH="$tools/bin:$PATH"
# A version that several scripts use.
# shellcheck disable=SC2034
cargo_lambda=cargo-lambda==1.9.2

# missing WHAT: under CI a missing tool is an error, never a skip.
missing() {
    echo "missing: $1" >&2
    if [ -n "${CI:-}" ]; then exit 1; fi
}

have() { command -v "$1" >/dev/null || ls /usr/lib/postgresql/*/bin/"$1" >/dev/null 2>&1; }

# apt_install PACKAGE: where it may; the caller sees for itself whether it is there now.
apt_install() {
    if [ "$(id -u)" != 0 ] || ! have apt-get; then return; fi
    # Another install may be running. DPkg::Lock::Timeout makes apt-get wait for dpkg's lock, but not for that of its lists.
    local said
    for _ in $(seq 60); do
        said=$(apt-get -qq update 2>&1) && break
        grep -q 'lock' <<<"$said" || break
        sleep 5
    done
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y "$1" >/dev/null || true
}

# install_package COMMAND PACKAGE: a Debian package, unless its command is there.
install_package() {
    have "$1" || apt_install "$2"
    have "$1" || missing "$1 (Debian package $2)"
}

# python_tools NAME REQUIREMENT…: an environment, $tools/NAME, with these packages from PyPI.
python_tools() {
    local folder="$tools/$1"
    mkdir -p "$folder"
    {
        flock 9
        touch "$folder/installed"
        if printf '%s\n' "${@:2}" | grep -qvxF -f "$folder/installed"; then
            # Debian keeps venv apart from Python, without a command to look for.
            python3 -m venv "$folder" >/dev/null 2>&1 || apt_install python3-venv
            if python3 -m venv "$folder" &&
                "$folder/bin/pip" install --quiet --disable-pip-version-check "${@:2}"; then
                printf '%s\n' "${@:2}" >"$folder/installed"
            else
                missing "$1 (PyPI packages ${*:2})"
            fi
        fi
    } 9>"$folder/lock"
}

# cargo_tool COMMAND VERSION [ARGUMENT…]: a crate of the same name. Little optimisation: what runs for seconds would take
# minutes to build.
cargo_tool() {
    have "$1" || CARGO_PROFILE_RELEASE_LTO=false CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo install --quiet --locked "$1" --version "$2" --root "$tools" "${@:3}" || missing "$1 (crate)"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# wait_for_port PORT PROCESS: until it takes connections; fails if the process ends first, or after half a minute.
wait_for_port() {
    for _ in $(seq 300); do
        if (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}
