#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The plugin called as a runtime calls it, real namespaces, real packets: every action that any kernel has (no netem, no fq), every
# verb, every kind of bad input. Statistics of time are the VM's (time.sh).
set -euo pipefail
. "$(dirname "$0")/lib.bash"

net_up
pod web
pod peer
pod other
neighbours web peer
neighbours web other

# with FAULTS SENTENCE CHECK...: ADD, run the check, DEL
with() {
	local faults=$1 sentence=$2
	shift 2
	if ! add_said web "$faults"; then
		holds "$sentence" false
		echo "#   ADD said: $SAID"
		return
	fi
	holds "$sentence" "$@"
	del web
}

# ADD; what the plugin printed is in $SAID
add_said() {
	local rc=0
	SAID=$(netconf "$1" "$(annotations "$2")" | cni ADD "$1" 2>/dev/null) || rc=$?
	return $rc
}

after() { # CHECK on packets: after N GAP FROM TO -- stats...
	local n=$1 gap=$2 from=$3 to=$4
	shift 4
	packets "$from" "$to" -n "$n" -g "$gap" -w 200
	stats "$@"
}

both_families() {
	after "$@" && FAMILY=6 after "$@"
}

# ---- what faults do

with '{"action":"partition"}' "a partition drops what leaves, IPv4 and IPv6" both_families 200 50 web peer lost 200
with '{"action":"partition"}' "a partition to leaves alone what enters" both_families 200 50 peer web untouched
with '{"action":"partition","direction":"from"}' "a partition from drops what enters" both_families 200 50 peer web lost 200
with '{"action":"loss","loss":{"loss":"10"},"seed":1}' "a loss of 10 % is one, by the binomial interval" after 20000 0 web peer loss 10
with '{"action":"loss","loss":{"loss":"30"},"seed":7,"target":{"ports":[9999]}}' "a seed decides which packets are lost" after 3000 0 web peer predicted 7 30
with '{"action":"loss","loss":{"loss":"20","correlation":"60"},"seed":3}' "a correlated loss has its share and autocorrelation" \
	after 40000 0 web peer correlated 20 60 2
with '{"action":"loss","loss":{"gemodel":{"p":"5","r":"20"}},"seed":5}' "Gilbert-Elliott's runs have the length 1/r" \
	after 40000 0 web peer run-length 5 0.5
with '{"action":"duplicate","duplicate":{"duplicate":"25"},"seed":8}' "a quarter is doubled on the way out" after 10000 0 web peer duplicate 25
with '{"action":"duplicate","duplicate":{"duplicate":"25"},"seed":8,"direction":"from"}' "a quarter is doubled on the way in" \
	after 10000 0 peer web duplicate 25
with '{"action":"corrupt","corrupt":{"corrupt":"20","checksum":"valid"},"seed":11}' "valid corruption reaches the application" \
	after 5000 0 web peer damaged 20
with '{"action":"corrupt","corrupt":{"corrupt":"20","checksum":"valid"},"seed":11,"direction":"from"}' "valid corruption reaches the application on the way in" \
	after 5000 0 peer web damaged 20
with '{"action":"loss","loss":{"loss":"100"},"when":"10..100+3"}' "when picks exactly the events it names" after 200 50 web peer when 10 100 3

csum_errors() {
	ip netns exec peer awk '/^Udp:/ { if (names) print $(col); else for (i = 1; i <= NF; i++) if ($i == "InCsumErrors") col = i; names = 1 }' \
		/proc/net/snmp
}

bad_checksums() {
	local before lost
	before=$(csum_errors)
	after 2000 0 web peer loss 50 || return 1
	lost=$(awk '$4 == 0' "$FILE" | wc -l)
	awk '$5 > 0 { exit 1 }' "$FILE" || return 1
	equals $(($(csum_errors) - before)) "$lost"
}
has_qdisc netem || with '{"action":"corrupt","corrupt":{"corrupt":"50"}}' \
	"without netem an invalid corruption fails the receiver's checksum, each time" bad_checksums

if has_qdisc tbf "rate 1mbit burst 10k limit 10k"; then
	with '{"action":"bandwidth","bandwidth":{"rate":"8mbit"}}' "bandwidth holds its rate on the way out" \
		after 2000 0 web peer rate 8 64 0.1
	with '{"action":"rate","rate":{"rate":"8mbit"},"direction":"from"}' "rate holds on the way in" after 2000 0 peer web rate 8 64 0.1
fi

# ---- targets

target_only() { # traffic to port 9999 of peer is lost, to 'other' and from another port it is not
	after 100 50 web peer lost 100 && after 100 50 web other untouched
}
with "{\"action\":\"partition\",\"target\":{\"cidrs\":[\"$(ip4 peer)\"]}}" "a target of one address spares all others" target_only
with "{\"action\":\"partition\",\"target\":{\"cidrs\":[\"10.88.0.0/16\",\"fd88::/64\"],\"except\":[\"$(ip4 other)\"]}}" \
	"an exception is spared" target_only

port_only() {
	packets web peer -n 50 -g 50 -w 200 -p 5432
	stats lost 50 || return 1
	packets web peer -n 50 -g 50 -w 200 -p 5433
	stats untouched
}
with '{"action":"partition","target":{"ports":["5432","8000-8100"]}}' "a target port spares its neighbour" port_only

source_only() {
	packets web peer -n 50 -g 50 -w 200 -s 1024
	stats lost 50 || return 1
	packets web peer -n 50 -g 50 -w 200 -s 1025
	stats untouched
}
with '{"action":"partition","target":{"sourcePorts":[1024]}}' "a source port spares its neighbour" source_only
with '{"action":"partition","target":{"protocol":"tcp"}}' "a protocol spares the others" after 100 50 web peer untouched

node_exempt() {
	ip netns exec web ping -c 2 -i 0.1 -W 1 10.88.0.1 && ip netns exec web ping -6 -c 2 -i 0.1 -W 1 fd88::1
}
with '{"action":"partition","direction":"both"}' "the node's own addresses are exempt" node_exempt
with '{"action":"partition","direction":"both","includeNode":true}' "includeNode takes the node in" not node_exempt

discovery() {
	ip -n web neigh flush dev eth0
	ip -n web neigh del "$(ip4 other)" dev eth0 2>/dev/null || true
	ip netns exec web ping -c 1 -W 2 "$(ip4 other)" || return 1
	ip -n web neigh del "$(ip6 other)" dev eth0 2>/dev/null || true
	ip netns exec web ping -6 -c 1 -W 2 "$(ip6 other)"
}
with "{\"action\":\"partition\",\"direction\":\"both\",\"includeNode\":true,\"target\":{\"except\":[\"$(ip4 other)\",\"$(ip6 other)\"]}}" \
	"ARP and neighbour discovery are never faulted" discovery
neighbours web other

shared_counter() {
	after 3 50 web peer lost 3 && after 3 50 peer web lost 2
}
with '{"action":"partition","direction":"both","when":"1..5+1"}' "both directions share one counter" shared_counter

# ---- time

window() {
	local created
	created=$(jq -r .createdMonoNs /run/faultwire/pods/web@eth0.json)
	packets web peer -n 3000 -g 500 -w 200
	python3 - "$FILE" "$created" <<-'PY'
		import sys
		created = int(sys.argv[2])
		wrong = 0
		for line in open(sys.argv[1]):
		    n, sent, delay, copies, bad = map(int, line.split())
		    phase = (sent - created - 300_000_000) % 400_000_000
		    edge = min(phase, abs(phase - 100_000_000), 400_000_000 - phase)
		    since = sent - created - 300_000_000
		    if edge < 1_000_000:
		        continue
		    lost = since >= 0 and phase < 100_000_000
		    wrong += lost != (copies == 0)
		print(wrong, "wrong")
		sys.exit(wrong != 0)
	PY
}
with '{"action":"partition","start":"300ms","duration":"100ms","schedule":"@every 400ms"}' "windows open and close on time, on their own" window

with '{"action":"partition","start":"1h","duration":"1s","schedule":"@every 1s","anchor":"clock"}' \
	"start holds windows by the clock back as well" after 50 50 web peer untouched
with '{"action":"partition","duration":"1s","schedule":"@every 1s","anchor":"clock"}' "windows by the clock need no start" \
	after 50 50 web peer lost 50
with '{"action":"partition","duration":"2m","schedule":"* * * * *","timeZone":"America/New_York"}' "windows of five fields that overlap are one" \
	after 50 50 web peer lost 50
with '{"action":"partition","duration":"1h","schedule":"0 12 29 2 *"}' "a window of five fields that is far away is closed" \
	after 50 50 web peer untouched

# ---- operator

aborted() {
	"$FAULTWIRE" abort web && after 50 50 web peer untouched && "$FAULTWIRE" resume web && after 50 50 web peer lost 50
}
with '{"action":"partition"}' "abort ends a pod's faults at once, resume brings them back" aborted
armed() {
	after 50 50 web peer untouched && "$FAULTWIRE" arm web && after 50 50 web peer lost 50 && "$FAULTWIRE" disarm web && after 50 50 web peer untouched
}
with '{"action":"partition","armed":false}' "a fault that is not armed waits for the operator" armed
counted() {
	after 50 50 web peer lost 50 && equals "$(counter web split matched)/$(counter web split injected)" 50/50
}
with '{"action":"partition","name":"split"}' "status counts what matched and what was injected" counted

born_off() {
	"$FAULTWIRE" abort --experiment game || return 1
	MORE_ANNOTATIONS='{"faultwire.dev/experiment":"game"}' add web '{"action":"partition"}' || return 1
	after 50 50 web peer untouched || return 1
	"$FAULTWIRE" resume --experiment game && after 50 50 web peer lost 50
}
holds "a pod born under its experiment's abort is born off" born_off
del web

# ---- verbs

checked() {
	netconf web "$(annotations '{"action":"partition"}')" | cni CHECK web
}
add web '{"action":"partition"}'
holds "CHECK passes while all stands" checked
tc -n web filter del dev eth0 egress
holds "CHECK fails when a filter is gone" not checked
del web
holds "DEL twice succeeds" del web
holds "DEL without a namespace succeeds" env CNI_COMMAND=DEL CNI_CONTAINERID=gone CNI_IFNAME=eth0 CNI_PATH=/ "$PLUGIN" \
	<<<'{"cniVersion":"1.0.0","name":"testnet","type":"faultwire"}'

echoed() {
	local want got
	want='{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.2/24"}],"x-unknown":12345678901234567890}'
	got=$(printf '{"cniVersion":"1.0.0","name":"n","type":"faultwire","runtimeConfig":{"io.kubernetes.cri.pod-annotations":null},"prevResult":%s}' "$want" |
		cni ADD web)
	equals "$got" "$want"
}
holds "an un-annotated pod's result passes byte for byte" echoed
netconf_annotations() {
	printf '{"cniVersion":"1.0.0","name":"n","type":"faultwire","annotations":%s,"prevResult":%s}' \
		"$(annotations '{"action":"partition"}')" "$(prev_result web)" | cni ADD web >/dev/null || return 1
	after 20 50 web peer lost 20
}
holds "annotations can stand in the netconf where a runtime passes none" netconf_annotations
del web

gc_spares() {
	local valid='"cni.dev/valid-attachments":[{"containerID":"web","ifname":"eth0"}],'
	add web '{"action":"partition"}' && add peer '{"action":"partition"}' || return 1
	printf '{"cniVersion":"1.1.0","name":"%s","type":"faultwire",%s"x":1}' "$NETWORK" "$valid" | CNI_COMMAND=GC CNI_PATH=/ "$PLUGIN" || return 1
	[ -e /run/faultwire/pods/web@eth0.json ] && [ ! -e /run/faultwire/pods/peer@eth0.json ] &&
		! tc -n peer filter show dev eth0 egress | grep -q faultwire
}
holds "GC undoes what is not listed and spares what is" gc_spares
del web
del peer

# ---- bad input: the path and the remedy, exit non-zero, nothing half applied

sleep 0.5
before=$(leftovers)
refuses() { # SENTENCE FAULTS PATTERN...
	local sentence=$1 faults=$2 pattern
	shift 2
	if add_said web "$faults"; then
		holds "$sentence" false
		del web
		return
	fi
	for pattern in "$@"; do
		holds "$sentence: says '$pattern'" contains "$SAID" "$pattern"
	done
	leaves_nothing "$before" >/dev/null || holds "$sentence: leaves nothing" leaves_nothing "$before"
}

refuses "an unknown key" '{"action":"partition","durration":"1s"}' durration duration '"code":1'
refuses "a missing unit" '{"action":"delay","delay":{"latency":"200"}}' 'faultwire.dev/network.delay.latency' 'needs a unit'
refuses "101 percent" '[{"action":"loss","loss":{"loss":"101"}}]' 'network[0].loss.loss' 101
refuses "a negative percent" '{"action":"loss","loss":{"loss":-1}}' loss.loss
refuses "not a number" '{"action":"loss","loss":{"loss":NaN}}' faultwire.dev/network
refuses "an IPv4-mapped prefix" '{"action":"partition","target":{"cidrs":["::ffff:10.0.0.0/104"]}}' 'target.cidrs[0]' '10.0.0.0/8'
refuses "port 0" '{"action":"partition","target":{"ports":["0"]}}' 'target.ports[0]' 65535
refuses "port 70000" '{"action":"partition","target":{"ports":[70000]}}' 'target.ports[0]' 65535
refuses "ports with ICMP" '{"action":"partition","target":{"ports":[80],"protocol":"icmp"}}' ports icmp
refuses "an empty list of addresses" '{"action":"partition","target":{"cidrs":[]}}' target.cidrs
refuses "an empty list of faults" '[]' faultwire.dev/network
refuses "an address as a name" '{"action":"partition","target":{"hosts":["10.1.2.3"]}}' 'target.hosts[0]' cidrs
refuses "a policy ceiling" '{"action":"delay","delay":{"latency":"70s"}}' maxDelay policy.json
MORE_ANNOTATIONS='{"faultwire.dev/netwrok":"{}"}' refuses "an unknown annotation" '{"action":"partition"}' netwrok network
MORE_ANNOTATIONS='{"faultwire.dev/guard":"{}"}' refuses "an annotation that is not built" '{"action":"partition"}' faultwire.dev/guard 'not built'
POD_NAMESPACE=kube-system refuses "a namespace that is denied" '{"action":"partition"}' kube-system policy.json

refuses_raw() { # SENTENCE COMMAND PATTERN: the command prints stdin of the plugin
	local sentence=$1 command=$2 pattern=$3 rc=0
	SAID=$($command | cni ADD web 2>/dev/null | head -c 2000) || rc=$?
	holds "$sentence" contains "$SAID" "$pattern"
}
ten_megabytes() { printf '{"cniVersion":"1.0.0","name":"n","type":"faultwire","x":"'; head -c 10000000 /dev/zero | tr '\0' a; printf '"}'; }
nested() { printf '{"cniVersion":"1.0.0","name":"n","type":"faultwire","x":'; head -c 100000 /dev/zero | tr '\0' '['; }
not_utf8() { printf '{"cniVersion":"1.0.0","name":"n","type":"faultwire","x":"\xff\xfe"}'; }
refuses_raw "10 MB of JSON" ten_megabytes '"code":6'
refuses_raw "deep nesting" nested '"code":6'
refuses_raw "invalid UTF-8" not_utf8 'UTF-8'

no_netns() {
	SAID=$(netconf web "$(annotations '{"action":"partition"}')" |
		CNI_COMMAND=ADD CNI_CONTAINERID=web CNI_NETNS=/etc/hostname CNI_IFNAME=eth0 CNI_PATH=/ "$PLUGIN" 2>/dev/null) && return 1
	contains "$SAID" 'network namespace'
}
holds "a namespace that is none is said" no_netns
node_netns() {
	SAID=$(netconf web "$(annotations '{"action":"partition"}')" |
		CNI_COMMAND=ADD CNI_CONTAINERID=web CNI_NETNS=/proc/self/ns/net CNI_IFNAME=br0 CNI_PATH=/ "$PLUGIN" 2>/dev/null) && return 1
	contains "$SAID" "node's own network namespace" && equals "$(tc qdisc show dev br0 | grep -c clsact)" 0
}
holds "the node's own namespace is refused" node_netns
no_interface() {
	SAID=$(netconf web "$(annotations '{"action":"partition"}')" |
		CNI_COMMAND=ADD CNI_CONTAINERID=web CNI_NETNS=/run/netns/web CNI_IFNAME=eth7 CNI_PATH=/ "$PLUGIN" 2>/dev/null) && return 1
	contains "$SAID" eth7
}
holds "an interface that is not there is said" no_interface
foreign_root() {
	tc -n web qdisc add dev eth0 root handle 5: htb || return 1
	local was
	was=$(tc -n web qdisc show dev eth0)
	add_said web '{"action":"rate","rate":{"rate":"1mbit"}}' && return 1
	contains "$SAID" "htb" && equals "$(tc -n web qdisc show dev eth0)" "$was"
}
holds "a root qdisc of somebody else's is named and left" foreign_root
tc -n web qdisc del dev eth0 root 2>/dev/null || true

foreign_filter() {
	tc -n web qdisc add dev eth0 clsact
	tc -n web filter add dev eth0 egress protocol ip pref 1 u32 match u32 0 0 action ok
	local was
	was=$(tc -n web -s filter show dev eth0 egress | grep -v pkt)
	add web '{"action":"partition"}' && after 20 50 web peer lost 20 || return 1
	del web
	equals "$(tc -n web -s filter show dev eth0 egress | grep -v pkt)" "$was"
}
holds "somebody else's clsact and filter are used and left" foreign_filter
tc -n web qdisc del dev eth0 clsact

bpffs() {
	while [[ $(stat -f -c %T /sys/fs/bpf) == bpf_fs ]]; do umount /sys/fs/bpf; done # the machine's own may be below ours
	add_said web '{"action":"partition"}' && return 1
	mount -t bpf bpf /sys/fs/bpf
	contains "$SAID" 'mount -t bpf'
}
holds "a missing bpffs is named with the remedy" bpffs
segments_come_back() {
	add web '{"action":"partition","perSegment":true}' || return 1
	ip -n web -d link show eth0 | grep -q 'gso_max_segs 1 ' || return 1
	del web
	ip -n web -d link show eth0 | grep -q 'gso_max_segs 65535'
}
holds "perSegment gives the segments back" segments_come_back

icmp_damage() {
	add web '{"action":"corrupt","corrupt":{"corrupt":"100","checksum":"valid"}}' || return 1
	local said
	said=$(ip netns exec web ping -c 5 -i 0.1 -W 1 -s 400 "$(ip4 peer)")
	del web
	contains "$said" " 5 received" && contains "$said" "wrong data byte"
}
holds "damage with a valid checksum reaches a ping" icmp_damage

# A DEL that comes when the name of the namespace is another pod's already.
reused_netns() {
	pod reused
	add reused '{"action":"partition"}' || return 1
	ip netns del reused
	ip link del vreused 2>/dev/null
	pod reused
	CID_PREFIX=second- add reused '{"action":"partition"}' || return 1
	del reused && CID_PREFIX=second- cni CHECK reused < <(netconf reused '{}')
	local rc=$?
	CID_PREFIX=second- del reused
	ip netns del reused
	return $rc
}
holds "a late DEL leaves the pod that has the namespace's name now" reused_netns

gc_goes_on() {
	add peer '{"action":"partition"}' && add web '{"action":"partition"}' || return 1
	mount --bind /run/faultwire/pods/peer@eth0.json /run/faultwire/pods/peer@eth0.json || return 1 # not to be unlinked
	printf '{"cniVersion":"1.1.0","name":"%s","type":"faultwire","cni.dev/valid-attachments":[]}' "$NETWORK" |
		CNI_COMMAND=GC CNI_PATH=/ "$PLUGIN" >/dev/null 2>&1 && return 1
	local left
	left=$(ls /run/faultwire/pods)
	umount /run/faultwire/pods/peer@eth0.json
	del peer
	equals "$left" peer@eth0.json
}
holds "GC goes on behind a record that it cannot undo" gc_goes_on

short_of_files() {
	local n
	add peer '{"action":"partition"}' || return 1
	for n in $(seq 5 14); do
		netconf web "$(annotations '{"action":"partition"}')" |
			CNI_COMMAND=ADD CNI_CONTAINERID=web CNI_NETNS=$(netns_path web) CNI_IFNAME=eth0 CNI_PATH=/ \
				prlimit --nofile="$n" "$PLUGIN" >/dev/null 2>&1
		cni CHECK peer < <(netconf peer '{}') || return 1
		del web
	done
	del peer
}
holds "an ADD that runs out of files leaves the other pods' pins" short_of_files
holds "after all of this nothing is left" leaves_nothing "$before"
finish
