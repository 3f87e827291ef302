# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Containers of a bare runtime with our hook, in a world of their own (e2e/env.sh).
#
#     container FAULTS PROGRAM...     runs it to its end; FAULTS: faultwire.dev/syscall, '' = none. $ANNOTATIONS: more, JSON. $PROFILE: seccomp. $MOUNTS: more, JSON
#     background FAULTS PROGRAM...    the same, its output into $OUT; end_container kills it and waits for its supervisor
#
# shellcheck source=tests/net/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/../net/lib.bash"

HOOK=${HOOK:-$TOP/build/faultwire-hook}
CONTAINERS=/run/faultwire/containers
BUNDLE=$E2E_RUN/bundle
OUT=$E2E_RUN/out
ID=web
RT=runc
CGROUP=faultwire-test-$SRANDOM # /sys/fs/cgroup is everybody's
HOOK_STDERR=$E2E_RUN/hook.stderr
RULE=48 # offset of a page's first rule

cd "$TOP" || exit 1
echo '{"maxDelay":"2h"}' >/etc/faultwire/policy.json
# crun does not like both kinds of cgroups side by side.
umount -l /sys/fs/cgroup/unified 2>/dev/null || true
mkdir -p "$BUNDLE"/rootfs/{bin,dev,etc,proc,sys,tmp}
cp build/tests/calls /bin/busybox "$BUNDLE/rootfs/bin/"
ln -s busybox "$BUNDLE/rootfs/bin/sh"
(cd "$BUNDLE" && runc spec && mv config.json spec.json)

bundle() { # FAULTS PROGRAM...
	local program
	# what a check that failed left
	[[ ! -e /run/$RT/$ID ]] || "$RT" delete -f "$ID"
	program=$(printf '%s\n' "${@:2}" | jq -Rn '[inputs]')
	jq --arg faults "$1" --argjson program "$program" --arg hook "$HOOK" --arg stderr "$HOOK_STDERR" --arg cgroup "/$CGROUP" --argjson more "${ANNOTATIONS:-null}" --argjson profile "${PROFILE:-null}" --argjson mounts "${MOUNTS:-[]}" '
		def hook($stage): {path: $hook, args: ["faultwire-hook", $stage]};
		.process.terminal = false | .process.args = $program | del(.process.rlimits, .process.oomScoreAdj)
		| .root.readonly = false | .linux.cgroupsPath = $cgroup | .mounts += $mounts
		| .annotations = (if $faults == "" then {} else {"faultwire.dev/syscall": $faults} end) + ($more // {})
			+ {"run.oci.hooks.stderr": $stderr}
		| if env.WITHOUT_NNP then .process.noNewPrivileges = false | .process.capabilities = {} else . end
		| if $profile then .linux.seccomp = $profile else . end
		| .hooks = {prestart: [hook("prestart")], createRuntime: [hook("createRuntime")], poststop: [hook("poststop")]}' \
		"$BUNDLE/spec.json" >"$BUNDLE/config.json"
}

container() {
	bundle "$@" && timeout 20 "$RT" run -b "$BUNDLE" "$ID" </dev/null
}

background() {
	bundle "$@" || return 1
	: >"$OUT"
	"$RT" run -d -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1
}

supervisors() {
	pgrep -x -r D,R,S faultwire-super >/dev/null
}

nothing_left() {
	e2e_wait 30 supervisors_gone && [[ -z $(ls "$CONTAINERS") ]]
}

supervisors_gone() {
	! supervisors
}

end_container() {
	"$RT" kill "$ID" KILL 2>/dev/null
	e2e_wait 30 "$RT" delete -f "$ID" && e2e_wait 30 supervisors_gone && [[ -z $(ls "$CONTAINERS") ]]
}

page_word() { # OFFSET
	od -An -t u8 -j "$1" -N 8 "$CONTAINERS/$ID.page" | tr -d ' '
}

# Of the first rule.
injected() { # N
	[[ $(page_word $((RULE + 200))) == "$1" ]]
}

matched() { # N
	[[ $(($(page_word $((RULE + 192))) >> 16)) == "$1" ]]
}
