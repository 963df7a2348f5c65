#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: tools/setup.sh core|test
# Makes $VENV ready to run Tolman (core) or its tests (test). Does nothing when it already is.
set -eu
cd "$(dirname "$0")/.."
what=${1:?core or test}
python=${PYTHON:-python3}
venv=${VENV:-.venv}

say() { echo "setup: $*" >&2; }

# apt packages the step needs: command or file that proves it, package
missing=""
need() { [ -n "$1" ] || missing="$missing $2"; }
need "$(command -v "$python" || true)" python3
if command -v "$python" >/dev/null; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
        say "Python 3.10 or newer is needed, $python is $("$python" -V 2>&1); set PYTHON=/path/to/python3.10+"; exit 2; }
    need "$("$python" -c 'import ensurepip, venv; print("ok")' 2>/dev/null || true)" python3-venv
fi
if [ "$what" = test ]; then
    need "$(command -v g++ || true)" g++
    need "$("$python" -c 'import sysconfig, os; p = sysconfig.get_paths()["include"] + "/Python.h"; print(p if os.path.exists(p) else "")' 2>/dev/null || true)" python3-dev
fi
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "apt packages:$missing"
        apt-get update -qq
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    else
        say "these packages are missing:$missing"
        say "install them, e.g. sudo apt-get install$missing, and run this again"
        exit 2
    fi
fi

# Done before? The stamp is the content of everything that decides what is installed.
wanted=$(cat setup.py package.xml constraints.txt tools/setup.sh tools/build_interfaces.py 2>/dev/null | cksum)
[ "$(cat "$venv/.tolman-$what" 2>/dev/null || true)" = "$wanted" ] && exit 0

[ -x "$venv/bin/python" ] || { say "virtual environment $venv"; "$python" -m venv "$venv"; }
pip="$venv/bin/python -m pip --disable-pip-version-check -q"
extras=""
[ "$what" = test ] && extras="[test,ros-pypi]"
say "pip install .$extras (a minute or two the first time)"
$pip install -c constraints.txt --upgrade pip setuptools wheel
$pip install -c constraints.txt -e ".$extras"
if [ "$what" = test ]; then
    $pip install -c constraints.txt --no-deps ai2thor
    say "ROS interfaces (tolman_msgs, tf2_msgs)"
    "$venv/bin/python" tools/build_interfaces.py
    echo "$wanted" > "$venv/.tolman-core"
fi
echo "$wanted" > "$venv/.tolman-$what"
