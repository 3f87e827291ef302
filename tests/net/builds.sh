#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An upgrade of the plugin on a node with pods: those of the older build keep their faults, and the newer one lists, aborts and cleans them.
set -euo pipefail
. "$(dirname "$0")/lib.bash"
NEWER=$PLUGIN OLDER=$TOP/build/older/faultwire

lost() { # POD
	packets "$1" peer -n 20 -g 100 -w 200
	stats lost 20
}
untouched() {
	packets "$1" peer -n 20 -g 100 -w 200
	stats untouched
}
builds() {
	find /sys/fs/bpf/faultwire -mindepth 1 -maxdepth 1 -type d | wc -l
}

net_up
for p in old new peer; do pod $p; done
neighbours old peer
neighbours new peer
sleep 0.5
before=$(leftovers)

PLUGIN=$OLDER
add old '{"action":"partition","target":{"ports":[9999]}}'
PLUGIN=$NEWER
add new '{"action":"partition"}'
holds "two builds have pins side by side" equals "$(builds)" 2
holds "a pod of the older build keeps its fault" lost old
holds "a pod of the newer build has its own" lost new
holds "status lists both" equals "$("$FAULTWIRE" status --json | jq -r '[.pods[].name] | sort | join(" ")')" "new old"
holds "status counts for the older build as well" equals "$(counter old 'network[0]' injected)" 20
"$FAULTWIRE" abort old >/dev/null
holds "the newer command aborts a pod of the older build" untouched old
holds "and that pod alone" lost new
"$FAULTWIRE" resume old >/dev/null
"$FAULTWIRE" abort --all >/dev/null
holds "one store aborts the pods of all builds" eval 'untouched old && untouched new'
"$FAULTWIRE" resume --all >/dev/null
holds "resume brings both back" eval 'lost old && lost new'
del old
holds "the newer plugin's DEL frees the older build's pod" untouched old
holds "the last pod of a build takes its pins along" equals "$(builds)" 1
holds "the last pod of all takes everything along" eval 'del new && leaves_nothing "$before"'
finish
