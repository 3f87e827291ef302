#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The operator's command: good and bad invocations, exit codes, every form of a manifest, doctor over broken configurations, and
# status, abort, resume, arm and disarm on pods with real packets.
set -euo pipefail
. "$(dirname "$0")/../net/lib.bash"

WORK=$E2E_RUN/cli
mkdir -p "$WORK"
cd "$WORK"

# fw STATUS ARGUMENTS...: runs the command, fails unless it exits so; output in the files out and err
fw() {
	local want=$1 got=0
	shift
	"$FAULTWIRE" "$@" >out 2>err || got=$?
	[[ $got == "$want" ]] || {
		printf 'faultwire %s: exit code %s, not %s\n%s\n%s\n' "$*" "$got" "$want" "$(<out)" "$(<err)"
		return 1
	}
}

ABI=$(sed -n 's/^#define FW_ABI //p' "$TOP/bpf/abi.h")

says() { # TEXT: on standard output
	contains "$(<out)" "$1"
}

complains() { # TEXT: on standard error
	contains "$(<err)" "$1" && contains "$(<err)" "faultwire"
}

fw_says() { # STATUS TEXT ARGUMENTS...
	fw "$1" "${@:3}" && says "$2"
}

fw_complains() { # STATUS TEXT ARGUMENTS...
	fw "$1" "${@:3}" && complains "$2"
}

# fw_json STATUS FILTER ARGUMENTS...: the output is one JSON document for which the filter is true
fw_json() {
	fw "$1" "${@:3}" && { jq -es "length == 1 and (.[0] | $2)" out >/dev/null || {
		echo "not true: $2"
		cat out
		return 1
	}; }
}

# ---- invocations

holds "no command is a usage error" fw_complains 2 "command is missing"
holds "an unknown command is a usage error that names it" fw_complains 2 "'explode' is not a command" explode
holds "--help lists every command" fw_says 0 "disarm" --help
holds "--version names version and build" fw_says 0 "build $ABI-" --version
for verb in plan doctor status abort resume arm disarm; do
	holds "$verb --help has examples" fw_says 0 "Examples:" "$verb" --help
	holds "$verb refuses an unknown option" fw_complains 2 "--frobnicate" "$verb" --frobnicate
done
holds "abort without a scope is a usage error" fw_complains 2 "say what" abort
holds "abort of all and of a pod is a usage error" fw_complains 2 "one of" abort --all web
holds "abort of an experiment without a name is a usage error" fw_complains 2 "needs a name" abort --experiment ""
holds "arm without a pod is a usage error" fw_complains 2 "which pod" arm
holds "doctor with an argument is a usage error" fw_complains 2 "too many" doctor web
holds "plan of two files is a usage error" fw_complains 2 "one file at a time" plan a b
full() {
	local rc=0
	"$FAULTWIRE" status >/dev/full 2>err || rc=$?
	[[ $rc == 1 ]] && complains "cannot write"
}
holds "output that cannot be written is a failure" full

# ---- plan

partition='{"action":"partition"}'
delay='{"action":"delay","delay":{"latency":"200ms","jitter":"50ms","correlation":"100"},"duration":"300s","schedule":"@every 10m"}'

# pod_yaml NAME NETWORK [MORE-ANNOTATIONS]
pod_yaml() {
	printf 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n  namespace: shop\n  annotations:\n    faultwire.dev/network: |\n      %s\n' \
		"$1" "$2"
	printf '%b' "${3-}"
}

pod_yaml web "$partition" >pod.yaml
holds "plan prints the ops of a pod's YAML" fw_says 0 "drop, 100 % of all traffic" plan pod.yaml
holds "plan names the pod" fw_says 0 "Pod shop/web" plan pod.yaml
from_stdin() { # ARGUMENTS...
	fw_says 0 "drop, 100 %" plan "$@" <pod.yaml
}
holds "plan reads standard input without FILE" from_stdin
holds "plan reads standard input for -" from_stdin -
holds "plan --json is one document with the ops" fw_json 0 '.pods[0] | .name == "web" and .plan.ops[0].type == "rules"' plan --json pod.yaml
same_twice() {
	fw 0 plan --json pod.yaml && cp out first && fw 0 plan --json pod.yaml && cmp first out
}
holds "plan says the same twice" same_twice
holds "plan fails for a file that is not there" fw_complains 1 "cannot open 'nowhere.yaml'" plan nowhere.yaml

pod_yaml web "$delay" >delay.yaml
holds "plan shows the article's fault on a node that has everything" fw_says 0 "for 5m of every 10m" plan --any-node delay.yaml

pod_yaml web '[{"action":"partition"},{"action":"delay","delay":{"latency":"200"}}]' >bad.yaml
holds "plan fails with the annotation's path" fw_complains 1 "faultwire.dev/network[1].delay.latency" plan bad.yaml
holds "plan --json has the error too" fw_json 1 '.pods[0].error | contains("needs a unit")' plan --json bad.yaml

pod_yaml web "$partition" '    faultwire.dev/select: '"'"'{"mode":"fixed-percent","value":"20"}'"'"'\n    faultwire.dev/experiment: checkout\n' >select.yaml
holds "plan prints the expected share" fw_says 0 "expected share: 20 % of the pods" plan select.yaml
holds "plan names the experiment" fw_says 0 "experiment: checkout" plan select.yaml
holds "plan --uid decides for one pod" fw_says 0 "selected: " plan --uid 1234 select.yaml
holds "plan --uid decides in JSON" fw_json 0 '.pods[0] | .expectedSharePercent == 20 and (.selected | type) == "boolean"' \
	plan --json --uid 1234 select.yaml

holds "plan takes the namespace of the manifest, and --namespace over it" fw_complains 1 "kube-system" plan --namespace kube-system pod.yaml
echo '{"actions":{"deny":["partition"]}}' >policy.json
holds "plan checks the policy of --policy" fw_complains 1 "partition" plan --policy policy.json pod.yaml
echo '{"actoins":{}}' >typo.json
holds "plan fails for a policy that does not parse" fw_complains 1 "typo.json" plan --policy typo.json pod.yaml
holds "plan fails for a policy that is not there" fw_complains 1 "none.json" plan --policy none.json pod.yaml

printf 'kind: Pod\nmetadata: {name: plain}\n' >plain.yaml
holds "plan says that an un-annotated pod gets nothing" fw_says 0 "no faultwire annotations: nothing would be done" plan plain.yaml
: >empty.yaml
holds "plan says so of an empty file" fw_says 0 "no faultwire annotations" plan empty.yaml
printf -- '---\n---\nkind: Service\nmetadata: {name: s}\n' >service.yaml
holds "plan passes over what makes no pod" fw_says 0 "no faultwire annotations" plan service.yaml

# workload KIND PATH: a workload in JSON with the annotation on the template at PATH
workload() {
	jq -cn --arg k "$1" --arg n "$partition" --argjson p "$2" \
		'{kind:$k,metadata:{name:"w",namespace:"shop"}} | setpath($p + ["metadata","annotations","faultwire.dev/network"]; $n)' >workload.json
}
for kind in Deployment StatefulSet DaemonSet ReplicaSet Job Rollout; do
	workload $kind '["spec","template"]'
	holds "plan reads the pod template of a $kind" fw_json 0 ".pods[0] | .kind == \"$kind\" and .annotated" plan --json workload.json
done
workload CronJob '["spec","jobTemplate","spec","template"]'
holds "plan reads the pod template of a CronJob" fw_json 0 '.pods[0].annotated' plan --json workload.json
workload Deployment '[]'
jq '.spec.template.spec = {}' workload.json >misplaced.json
holds "plan refuses annotations on the workload itself and says where they belong" fw_complains 1 "spec.template.metadata.annotations" \
	plan misplaced.json
jq -n --arg n "$partition" '{kind:"Namespace",metadata:{name:"n",annotations:{"faultwire.dev/network":$n}}}' >namespace.json
holds "plan refuses annotations on what has no pods" fw_complains 1 "Namespace itself" plan namespace.json
jq -n --arg n "$partition" '{kind:"Pod",metadata:{name:"h",annotations:{"faultwire.dev/network":$n}},spec:{hostNetwork:true}}' >host.json
holds "plan refuses a pod on the host's network" fw_complains 1 "host's network" plan host.json

{ cat pod.yaml && printf -- '---\n' && cat bad.yaml && printf -- '---\n' && cat plain.yaml; } >several.yaml
holds "plan goes through several documents and fails for the bad one" fw_json 1 \
	'(.pods | length) == 3 and .pods[0].plan and .pods[1].error and (.pods[2].annotated | not)' plan --json several.yaml
holds "plan names the pod that is bad" fw_complains 1 "Pod shop/web: faultwire.dev/network[1]" plan several.yaml
jq -n --arg n "$partition" '{kind:"List",items:[range(3) | {kind:"Pod",metadata:{name:"p\(.)",annotations:{"faultwire.dev/network":$n}}}]}' >list.json
holds "plan reads a List" fw_json 0 '[.pods[].name] == ["p0","p1","p2"]' plan --json list.json
jq -c . list.json >compact.json
holds "plan reads it in one line" fw_json 0 '.pods | length == 3' plan --json compact.json
jq -n --arg n "$partition" '[range(2) | {kind:"Pod",metadata:{name:"p\(.)",annotations:{"faultwire.dev/network":$n}}}]' >array.json
holds "plan reads an array" fw_json 0 '.pods | length == 2' plan --json array.json
jq -n --arg n "$partition" '{items:[range(3) | {kind:"Pod",metadata:{name:"p\(.)",annotations:{"faultwire.dev/network":$n,pad:("x" * 500000)}}}]}' >large.json
holds "plan reads a list of pods larger than one document may be" fw_json 0 '.pods | length == 3' plan --json large.json
jq -n --arg n "$partition" '{"faultwire.dev/network":$n}' >bare.json
holds "plan reads a bare object of annotations" fw_says 0 "drop, 100 %" plan bare.json
printf 'faultwire.dev/network: >-\n  {"action":\n  "partition"}\n' >folded.yaml
holds "plan reads folded YAML" fw_says 0 "drop, 100 %" plan folded.yaml

yaml_fails() { # TEXT YAML
	printf '%b' "$2" >x.yaml
	fw_complains 1 "$1" plan x.yaml
}
holds "plan refuses an unknown annotation of ours" yaml_fails "faultwire.dev/netwrok" 'faultwire.dev/netwrok: "{}"\n'
holds "plan refuses a value that is not a string" yaml_fails "faultwire.dev/network" 'faultwire.dev/network: {action: partition}\n'
holds "plan refuses aliases" yaml_fails "aliases" 'a: &x [1]\nb: *x\n'
holds "plan refuses merge keys" yaml_fails "aliases" 'a: &x {b: 1}\nc:\n  <<: *x\n'
holds "plan refuses a repeated key in YAML" yaml_fails "there twice" 'kind: Pod\nkind: Pod\n'
holds "plan refuses keys that are not strings" yaml_fails "a key must be" '? [a]\n: b\n'
holds "plan refuses broken YAML with its line" yaml_fails "line 2" 'a: b\n  c: [\n'
holds "plan refuses broken JSON" yaml_fails "x.yaml" '{"kind":"Pod",}}'
holds "plan refuses a text that is no manifest" yaml_fails "not a manifest" 'hello\n'
holds "plan refuses NUL" yaml_fails "x.yaml" 'kind: "a\\0b"\n'
deep() {
	printf 'a: %s\n' "$(printf '[%.0s' {1..200})" >x.yaml
	fw_complains 1 "nested too deeply" plan x.yaml
}
holds "plan refuses deep nesting" deep
too_large() {
	head -c 5000000 /dev/zero | tr '\0' 'a' >x.yaml
	fw_complains 1 "larger than" plan x.yaml
}
holds "plan refuses more than 4 MiB" too_large
no_controls() {
	printf 'kind: Pod\nmetadata: {name: "a\\e[31mb"}\n' >x.yaml
	fw 0 plan x.yaml && says 'a\x1b[31mb' && not grep -q $'\e' out
}
holds "plan shows no control characters of the manifest" no_controls
install -m 755 "$FAULTWIRE" "$E2E_RUN/tmp/unprivileged"
unprivileged() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$E2E_RUN/tmp/unprivileged" plan - <delay.yaml >out && says "needs root"
}
holds "plan works for everybody and says that it did not ask the node" unprivileged

# ---- doctor

mkdir conf bin
printf '#!/bin/sh\n' >bin/faultwire
chmod 755 bin/faultwire
ENTRY='{"type":"faultwire","capabilities":{"io.kubernetes.cri.pod-annotations":true}}'

conflist() { # FILE PLUGINS [VERSION]
	printf '{"cniVersion":"%s","name":"net","plugins":[%s]}\n' "${3-1.0.0}" "$2" >"conf/$1"
}

# doctor NAME LEVEL TEXT: what a check says
doctor() {
	"$FAULTWIRE" doctor --json --conf-dir conf --bin-dir bin >out 2>err || true
	jq -es --arg n "$1" --arg l "$2" --arg t "$3" \
		'length == 1 and (.[0].checks[] | select(.name == $n) | .level == $l and (.text | contains($t)))' out >/dev/null || {
		cat out err
		return 1
	}
}

failing() { # NAME TEXT: fails, with a remedy, and so does the whole
	doctor "$1" fail "$2" && jq -e --arg n "$1" '.ok == false and (.checks[] | select(.name == $n) | .remedy | length > 0)' out >/dev/null &&
		fw 1 doctor --conf-dir conf --bin-dir bin
}

conflist 10-net.conflist '{"type":"bridge"},'"$ENTRY"
holds "doctor finds the entry in the conflist" doctor configuration ok "plugin 2 of the chain"
holds "doctor says which file a runtime takes" doctor "first file" ok "10-net.conflist"
holds "doctor finds the plugin" doctor plugin ok "bin/faultwire"
holds "doctor loads the programs on trial" doctor programs ok "build $ABI-"
holds "doctor finds clsact" doctor clsact ok there
holds "doctor finds bpffs" doctor bpffs ok mounted
holds "doctor finds the capabilities" doctor capabilities ok CAP_BPF
status_is_the_worst() {
	local got=0
	"$FAULTWIRE" doctor --json --conf-dir conf --bin-dir bin >out || got=$?
	jq -e --argjson rc "$got" '(any(.checks[]; .level == "fail") | not) as $good | .ok == $good and ($rc == 0) == $good' out
}
holds "doctor's exit status is whether a check failed" status_is_the_worst
doctor_agrees() { # KIND: with tc
	local want=ok got
	has_qdisc "$@" || want=no
	got=$("$FAULTWIRE" doctor --json | jq -r --arg n "$1" '.checks[] | select(.name == $n) | .level') || true
	[[ $got == ok ]] || got=no
	equals "$got" "$want"
}
for kind in htb netem fq; do holds "doctor and tc agree about $kind" doctor_agrees $kind; done
holds "doctor and tc agree about tbf" doctor_agrees tbf "rate 1mbit burst 10k limit 10k"

conflist 05-other.conflist '{"type":"bridge"}'
holds "doctor warns when another file comes first" doctor "first file" warn "05-other.conflist"
holds "doctor finds the entry in a later file" doctor configuration ok "10-net.conflist"
rm conf/05-other.conflist
conflist 10-net.conflist "$ENTRY"',{"type":"bridge"}'
holds "doctor fails when faultwire is the first of the chain" failing configuration "first of the chain"
conflist 10-net.conflist '{"type":"bridge"},{"type":"faultwire"}'
holds "doctor fails without the capability" failing configuration "io.kubernetes.cri.pod-annotations"
conflist 10-net.conflist '{"type":"bridge"},{"type":"faultwire","capabilities":{"io.kubernetes.cri.pod-annotations":"true"}}'
holds "doctor fails for a capability that is not true" failing configuration "no annotation reaches it"
conflist 10-net.conflist '{"type":"bridge"},{"type":"faultwire","annotations":{}}'
holds "doctor takes annotations in the netconf instead" doctor configuration ok "10-net.conflist"
conflist 10-net.conflist '{"type":"bridge"},'"$ENTRY" 0.1.0
holds "doctor fails for a cniVersion that the plugin does not speak" failing configuration "cniVersion"
conflist 10-net.conflist '{"type":"bridge"}'
holds "doctor fails when no file has the entry" failing configuration "none of the 1"
mkdir conf/net && echo "$ENTRY" >conf/net/faultwire.conf
holds "doctor finds a drop-in" doctor configuration ok "drop-in"
rm -r conf/net
echo '{"cniVersion":"1.0.0","type":"faultwire"}' >conf/10-net.conf
rm conf/10-net.conflist
holds "doctor fails for a plugin that stands alone" failing configuration "stands alone"
rm conf/10-net.conf
echo '{' >conf/10-net.conflist
holds "doctor fails for a conflist that is not JSON" failing configuration "10-net.conflist"
rm conf/10-net.conflist
holds "doctor fails without any configuration" failing "first file" "no network configuration"
chmod 644 bin/faultwire
holds "doctor fails for a plugin that cannot be executed" failing plugin "no executable"
rm bin/faultwire
holds "doctor fails without the plugin" failing plugin "not there"
echo '{"maxPercent":"101"}' >/etc/faultwire/policy.json
holds "doctor fails for a policy that does not parse" failing policy "maxPercent"
rm /etc/faultwire/policy.json
no_bpffs() {
	while [[ $(stat -f -c %T /sys/fs/bpf) == bpf_fs ]]; do umount /sys/fs/bpf; done # the machine's own may be below ours
	local rc=0
	failing bpffs "no bpf filesystem" || rc=1
	mount -t bpf -o mode=700 bpf /sys/fs/bpf
	return $rc
}
holds "doctor fails without bpffs" no_bpffs
unprivileged_doctor() {
	local rc=0
	setpriv --reuid 65534 --regid 65534 --clear-groups "$E2E_RUN/tmp/unprivileged" doctor >out 2>&1 || rc=$?
	[[ $rc == 1 ]] && says "CAP_NET_ADMIN" && says "not known"
}
holds "doctor says what an ordinary user lacks" unprivileged_doctor

# ---- pods

holds "status says that there are none" fw_says 0 "no pods with faults on this node" status
holds "status --json is one document then too" fw_json 0 '.pods == [] and .aborted == false' status --json
holds "status of a pod that is not there fails" fw_complains 1 "no pod with faults on this node is 'web'" status web
holds "abort of a pod that is not there fails" fw_complains 1 "'faultwire status' lists them" abort web
holds "abort of all works before anything was loaded" fw_says 0 "every pod of this node (0 with faults now)" abort --all
holds "so does resume" fw 0 resume --all
no_lock_left_out() { # the directories that abort made are root's alone
	[[ $(stat -c %a /var/lib/faultwire/aborts) == 700 ]]
}
holds "aborts are root's alone" no_lock_left_out

net_up
pod web
pod peer
neighbours web peer
FAULTS='[{"name":"cut","action":"partition","target":{"protocol":"icmp"}},
{"name":"later","action":"partition","target":{"protocol":"tcp"},"start":"10h","duration":"1h"},
{"name":"past","action":"partition","target":{"protocol":"tcp"},"duration":"1us"},
{"name":"off","action":"loss","loss":{"loss":"100"},"direction":"from","target":{"protocol":"udp"},"armed":false,"duration":"5m"}]'

reaches() { # NAME NAME
	ip netns exec "$1" ping -n -q -c 1 -W 2 "$(ip4 "$2")"
}

lost() {
	! ip netns exec "$1" ping -n -q -c 1 -W 0.3 "$(ip4 "$2")"
}

status_json() { # FILTER over the pod web
	fw_json 0 ".pods[] | select(.name == \"web\") | $1" status --json
}

unprivileged_abort() {
	local rc=0
	setpriv --reuid 65534 --regid 65534 --clear-groups "$E2E_RUN/tmp/unprivileged" abort --all >out 2>err || rc=$?
	[[ $rc == 1 ]] && complains "run it as root"
}
holds "abort says that it needs root" unprivileged_abort
holds "the pod reaches its peer without a fault" reaches web peer
export MORE_ANNOTATIONS='{"faultwire.dev/experiment":"checkout"}'
holds "ADD installs the faults" add web "$FAULTS"
unset MORE_ANNOTATIONS
holds "the fault acts" lost web peer
holds "status names pod, interface and experiment" fw_says 0 "default/web (eth0)  container web  experiment checkout" status
holds "status --json counts what was matched and injected" status_json '.faults[0] | .name == "cut" and .matched >= 1 and .injected == .matched'
holds "status shows an open window without an end" fw_says 0 "open, until the pod ends" status
holds "status shows when a window will open" fw_says 0 "closed, opens in " status
holds "status shows a window that is over" status_json '.faults[2].window == "over" and .faults[2].changesInSeconds == null'
holds "status counts down to a window's end" status_json '.faults[3] | .window == "open" and .changesInSeconds > 0 and .changesInSeconds <= 300'
holds "status shows what is not armed" status_json '.faults | map(.armed) == [true, true, true, false]'
holds "status takes the container id's first characters" fw_says 0 "default/web" status we
holds "status takes NAMESPACE/NAME" fw_says 0 "default/web" status default/web
aligned() {
	fw 0 status
	[[ $(awk '/FAULT/ { at = index($0, "ARMED") } /^  (cut|later|past|off)/ { print index(substr($0, at - 1), " ") == 1 && substr($0, at, 1) ~ /[yn]/ }' out |
		sort -u) == 1 ]]
}
holds "status aligns its columns" aligned

holds "abort of the pod" fw_says 0 "default/web (eth0): aborted" abort web
holds "ends the fault at once" reaches web peer
holds "status says who holds it off" fw_says 0 "off by its own abort" status
holds "status --json says so" status_json '.aborted == {"node":false,"experiment":false,"pod":true}'
holds "abort of the experiment counts its pods" fw_says 0 "experiment 'checkout' on this node (1 pod now)" abort --experiment checkout
holds "resume of the pod says what still holds it off" fw_says 0 "still off by the abort of experiment 'checkout'" resume default/web
holds "and the fault stays off" reaches web peer
holds "abort of the node on top" fw_says 0 "(1 with faults now)" abort --all
holds "status begins with it" fw_says 0 "this node is aborted" status
holds "resume of the experiment says that the node is aborted" fw_says 0 "still off by the abort of the node" resume --experiment checkout
holds "and the fault stays off then too" reaches web peer
holds "resume of all" fw_says 0 "resumed: every pod of this node" resume --all
holds "lets the fault act again" lost web peer
holds "nothing is left of the aborts" fw_json 0 '.aborted == false and .abortedExperiments == []' status --json
holds "abort of another experiment changes nothing" fw_says 0 "(0 pods now)" abort --experiment checkin
holds "for this pod" lost web peer
holds "status lists an aborted experiment without pods" fw_says 0 "experiment 'checkin' is aborted" status
holds "doctor lists it too" doctor aborts warn "experiment 'checkin'"
holds "its resume" fw 0 resume --experiment checkin
holds "abort refuses a name that is a path" fw_complains 1 "a/../b" abort --experiment a/../b

holds "disarm of one fault" fw_says 0 "1 fault disarmed" disarm web cut
holds "ends it" reaches web peer
holds "status shows it disarmed" status_json '.faults[0].armed == false and .faults[1].armed'
holds "arm of one fault" fw_says 0 "1 fault armed" arm web cut
holds "starts it" lost web peer
holds "disarm of all faults" fw_says 0 "4 faults disarmed" disarm web
holds "ends all" reaches web peer
holds "arm of all faults" fw_says 0 "4 faults armed" arm web
holds "starts all, those too that waited for it" status_json '.faults | all(.armed)'
holds "arm of an unknown fault names those that are there" fw_complains 1 "it has 'cut', 'later', 'past', 'off'" arm web cat
unarmed_nothing() {
	fw_complains 1 "no fault 'cat'" disarm web cut cat && status_json '.faults[0].armed'
}
holds "disarm with one unknown fault changes nothing" unarmed_nothing
armed_under_abort() {
	fw 0 abort web && fw_says 0 "still off by its own abort" arm web && fw 0 resume web
}
holds "arm says that an abort still holds the pod off" armed_under_abort

# ---- several pods

pod other
add_named() { # NETNS NAME NAMESPACE FAULTS: a pod whose name is not its container's id
	netconf "$1" "$(annotations "$4")" | CNI_COMMAND=ADD CNI_CONTAINERID="id-$1" CNI_NETNS=$(netns_path "$1") CNI_IFNAME=eth0 \
		CNI_PATH=/opt/cni/bin CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=$3;K8S_POD_NAME=$2;K8S_POD_UID=u-$1" "$PLUGIN" >/dev/null
}
holds "ADD of a pod of the same name in another namespace" add_named other web staging '[{"name":"cut","action":"partition"}]'
holds "a name that two pods have is refused, with both" fw_complains 1 "default/web (web), staging/web (id-other)" abort web
holds "and nothing is aborted then" fw_json 0 'all(.pods[]; .aborted.pod | not)' status --json
holds "NAMESPACE/NAME tells them apart" fw 0 abort staging/web
holds "so does the container id" fw 0 abort id-
holds "only that pod is off" fw_json 0 '[.pods[] | select(.aborted.pod) | .namespace] == ["staging"]' status --json
holds "status sorts pods by namespace and name" fw_json 0 '[.pods[].namespace] == ["default","staging"]' status --json
holds "status of one pod shows only it" fw_json 0 '.pods | length == 1' status --json staging/web

# ---- born under an abort, and after a reboot

pod third
neighbours third peer
fw 0 abort --experiment drill
MORE_ANNOTATIONS='{"faultwire.dev/experiment":"drill"}' add third "$partition"
holds "a pod that is born under its experiment's abort is born off" reaches third peer
holds "status says so" fw_json 0 '.pods[] | select(.name == "third") | .aborted.experiment' status --json
fw 0 resume --experiment drill
holds "and acts once that is resumed" lost third peer

reboot() { # what a reboot does: kernel objects and /run are gone, /var stays
	local name
	for name in web third; do del "$name"; done
	CID_PREFIX=id- del other
	rm -rf /sys/fs/bpf/faultwire /run/faultwire
}
fw 0 abort --all
reboot
holds "status is empty after a reboot but for the abort" fw_says 0 "this node is aborted" status
add web "$FAULTS"
holds "a pod that is born after a reboot under the node's abort is born off" reaches web peer
holds "status says that the node's abort holds it" status_json '.aborted.node'
holds "resume of all after the reboot" fw 0 resume --all
holds "lets it act" lost web peer
del web

# ---- queues, other builds, what is left over

if has_qdisc htb; then
	add web '[{"name":"slow","action":"bandwidth","bandwidth":{"rate":"1mbit"},"direction":"both"}]'
	holds "status shows the queues of both directions" status_json \
		'[.queues[] | .interface] | length == 2 and .[0] == "eth0" and (.[1] | startswith("fwifb"))'
	holds "status prints them" fw_says 0 "queued on eth0: " status
	del web
else
	skip "status shows the queues of both directions" "this kernel has no sch_htb"
fi

add web "$FAULTS"
record=/run/faultwire/pods/web@eth0.json
jq -c '.abi = 99' "$record" >record && cat record >"$record"
holds "counters of another ABI are not shown" status_json '.faults[0] | .matched == null and .injected == null and .window == "open"'
dashes() {
	fw 0 status && grep -qE '^  cut +to +open, until the pod ends +yes +- +- +- +- +-' out
}
holds "but dashes" dashes
holds "a pod of another ABI can be aborted" fw 0 abort web
holds "which ends its fault" reaches web peer
holds "and resumed" fw 0 resume web
echo '{' >/run/faultwire/pods/bad@eth0.json
holds "status says that a record cannot be read" fw_says 0 "1 record in /run/faultwire/pods cannot be read" status
holds "doctor warns of it" doctor records warn "1 of /run/faultwire/pods cannot be read"
rm /run/faultwire/pods/bad@eth0.json
ip netns del web
holds "status says that a pod's namespace is gone" status_json '.gone'
holds "doctor warns of pods that are gone" doctor records warn "1 of 1 pods with faults are gone"
holds "abort of all still works" fw 0 abort --all
fw 0 resume --all
pod_number[web]=0
holds "DEL of the pod that is gone" del web
holds "leaves none" fw_says 0 "no pods with faults on this node" status

finish
