# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the benchmarks of whole paths share: pods that send, pods that receive, the program that does nothing, lines of path(1)'s table.
# shellcheck source=tests/net/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/../net/lib.bash"

mac() { # NAME
	printf '02:00:00:00:%02x:%02x\n' $((pod_number[$1] / 256)) $((pod_number[$1] % 256))
}

# Receivers never answer: the bridge would forget where they are and send every packet to all.
receiver() { # NAME
	pod "$1"
	ip -n "$1" link set eth0 address "$(mac "$1")"
	bridge fdb replace "$(mac "$1")" dev "v$1" master static
}

sender() { # NAME RECEIVER...
	local to
	pod "$1"
	ip netns exec "$1" sysctl -qw net.ipv4.tcp_slow_start_after_idle=0 # other ways have their turn
	for to in "${@:2}"; do
		ip -n "$1" neigh replace "$(ip4 "$to")" lladdr "$(mac "$to")" dev eth0 nud permanent
	done
}

# The least that a filter can be: returns TC_ACT_UNSPEC.
nop() { # NAME HOOK...
	local hook
	tc -n "$1" qdisc add dev eth0 clsact
	for hook in "${@:2}"; do
		tc -n "$1" filter add dev eth0 "$hook" bpf da bytecode '1,6 0 0 4294967295'
	done
}

way() { # NAME BASE FROM TO [DELAY-US]
	echo "$1|$2|$(netns_path "$3")|$(netns_path "$4")|$(ip4 "$4")|${5-0}"
}
