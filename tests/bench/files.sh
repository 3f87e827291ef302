#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What io faults in the kernel's file hooks cost a pread: of a container without annotations while 50 others have some, and of one with rules for
# other paths. For tests/vm/run -i, whose clock counts instructions: lines of a name and ns, 2 ns an instruction.
set -euo pipefail
# shellcheck source=tests/hook/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/../hook/lib.bash"
RT=crun
OTHERS=${OTHERS:-50}

cp build/bench/pread "$BUNDLE/rootfs/bin/"
mkdir -p "$BUNDLE/rootfs/data/dir/a/b/c"
echo "some content of a file that is read again and again, all of the time" | tee "$BUNDLE/rootfs/data/file" >"$BUNDLE/rootfs/data/dir/a/b/c/file"

faults() { # N
	jq -cn --argjson n "$1" '{"faultwire.dev/io": ([range($n) | {action: "fault", errno: "EIO", methods: ["read"], path: "/etc/dir\(.)/**"}] | tojson)}'
}

measure() { # NAME ANNOTATIONS
	echo "$1 $(ANNOTATIONS=$2 container "" /bin/pread /data/dir/a/b/c/file)"
}

measure none '{}'
ANNOTATIONS=$(faults 1) bundle "" /bin/busybox sleep 1000000
config=$(<"$BUNDLE/config.json")
for ((i = 0; i < OTHERS; i++)); do
	jq --arg cgroup "/$CGROUP-$i" '.linux.cgroupsPath = $cgroup' <<<"$config" >"$BUNDLE/config.json"
	"$RT" run -d -b "$BUNDLE" "other$i" </dev/null >/dev/null 2>&1
done
measure others '{}'
measure one "$(faults 1)"
measure many "$(faults 64)"
for ((i = 0; i < OTHERS; i++)); do
	"$RT" delete -f "other$i"
done
measure after '{}'
