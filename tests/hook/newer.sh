#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tests/hook/runc.sh on a runc and a crun newer than Debian 12's.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=e2e/engines.sh
. e2e/engines.sh
engines_fetch "runc and crun, newer" forky
PATH=$PWD/build/engines/forky/bin:$PATH bash tests/hook/runc.sh "$@" | sed -E 's/^(ok|not ok|skip) - (runc|crun):/\1 - newer \2:/'
