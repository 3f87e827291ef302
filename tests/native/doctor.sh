#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What doctor says about the OCI hook: its program, hooks.d of CRI-O and Podman, containerd's configuration, tracing. Each is set up right first,
# as config/ has it, and then broken in one way.
#
# shellcheck source=tests/net/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/../net/lib.bash"
cd "$E2E_RUN/tmp"

HOOK=$E2E_RUN/tmp/bin/faultwire-hook
mkdir bin

right() {
	rm -rf hooks.d containerd bin/*
	mkdir hooks.d containerd
	cp "$TOP/build/faultwire-hook" "$HOOK"
	for file in "$TOP"/config/oci-hook-*.json; do
		sed "s|/usr/local/libexec/faultwire-hook|$HOOK|" "$file" >"hooks.d/${file##*/}"
	done
	sh "$TOP/config/containerd-spec.sh" add --hook "$HOOK" "$PWD/containerd/spec.json" >/dev/null
	{ echo 'version = 2' && table v2; } >containerd/config.toml
}

table() { # VERSION
	sed "s|/etc/containerd/faultwire-spec.json|$PWD/containerd/spec.json|" "$TOP/config/containerd-$1.toml"
}

edit() { # FILE FILTER: with jq
	jq "$2" "$1" >edited && mv edited "$1"
}

says() { # CHECK LEVEL TEXT: of the last run
	local said
	said=$(jq -r --arg n "$1" '.checks[] | select(.name == $n) | "\(.level): \(.text) -> \(.remedy // "")"' out)
	contains "$said" "$2: " && contains "$said" "$3" || return 1
	[[ $2 == ok ]] || ! [[ $said == *"-> " ]]
}

doctor() {
	"$FAULTWIRE" doctor --json --hooks-dir hooks.d --containerd-config containerd/config.toml >out 2>err || true
}

# A run of doctor takes its time, and CRI-O's and containerd's files are none of each other's business: one thing is wrong with either at once.
#	broken CHANGE SENTENCE LEVEL TEXT	of hooks.d
#	       CHANGE SENTENCE LEVEL TEXT	of containerd
broken() {
	right
	eval "$1"
	eval "$5"
	doctor
	holds "$2" says hooks.d "$3" "$4"
	holds "$6" says containerd "$7" "$8"
}

right
doctor
holds "doctor: hooks.d as config/ has it" says hooks.d ok "the hook at createRuntime and poststop"
holds "doctor: containerd's table and specification as config/ makes them" says containerd ok "runtime 'runc' starts it, by '$PWD/containerd/spec.json'"
holds "doctor: tracing" says tracing ok "user notification"

broken 'edit hooks.d/oci-hook-create.json .when={always:true}' \
	"doctor takes a hook of every container" ok "the hook at createRuntime and poststop" \
	'{ echo "version = 3" && table class-v3; } >containerd/config.toml' \
	"doctor takes a runtime class, of version 3" ok "runtime 'faultwire' starts it"
broken 'echo {} >hooks.d/other.json' \
	"doctor leaves others' files alone" ok "the hook at createRuntime and poststop" \
	'sed -i /pod_annotations/d containerd/config.toml' \
	"doctor: annotations that are not passed on matter to host-network pods" ok "for host-network pods it needs pod_annotations"
broken 'rm hooks.d/*' \
	"doctor warns when Podman finds no file of the hook's" warn "no file in 'hooks.d' starts the hook" \
	'table v2 >containerd/more.toml; printf "version = 2\nimports = [\"*/none\", \"%s/containerd/m*.toml\"]\n" "$PWD" >containerd/config.toml' \
	"doctor reads what containerd's configuration imports" ok "runtime 'runc' starts it"
broken 'echo { >hooks.d/other.json' \
	"doctor fails for any file in hooks.d that does not parse" fail "hooks.d/other.json: not valid JSON" \
	'rm containerd/spec.json' \
	"doctor fails when containerd names a specification that is not there" fail "'$PWD/containerd/spec.json'"
broken 'rm hooks.d/oci-hook-poststop.json' \
	"doctor warns of hooks.d without poststop" warn "at createRuntime alone" \
	'edit containerd/spec.json "del(.hooks.poststop)"' \
	"doctor warns of a specification without poststop" warn "at createRuntime alone"
broken 'rm hooks.d/oci-hook-create.json' \
	"doctor fails for hooks.d without createRuntime" fail "at poststop alone" \
	'echo { >containerd/spec.json' \
	"doctor fails for a specification that does not parse" fail "$PWD/containerd/spec.json: not valid JSON"
broken 'edit hooks.d/oci-hook-create.json ".when.annotations={\"^other/\":\".*\"}"' \
	"doctor fails when no annotated container matches" fail 'its "when" does not match' \
	'edit containerd/spec.json "del(.hooks)"' \
	"doctor warns when containerd's specification has no hook" warn "no runtime of 'containerd/config.toml' starts the hook"
broken 'edit hooks.d/oci-hook-create.json ".stages=[\"createContainer\"]"' \
	"doctor fails for a stage that is not the hook's" fail "at 'createContainer', where it has nothing to do" \
	'sed -i s/base_runtime_spec/#base_runtime_spec/ containerd/config.toml' \
	"doctor does not take a comment for a setting" warn "no runtime of"
broken 'edit hooks.d/oci-hook-create.json ".hook.args[1]=\"poststop\""' \
	"doctor fails for an argument that is another stage's" fail "'createRuntime' with 'poststop'" \
	'echo "version = 3" >containerd/config.toml' \
	"doctor knows that containerd 2 has NRI, and that its hook-injector cannot be seen" warn "only if NRI's hook-injector runs"
broken 'rm bin/*' \
	"doctor fails when hooks.d names a program that is not there" fail "'$HOOK', which is not there" \
	: "doctor fails when containerd's specification does" fail "'$HOOK', which is not there"
broken 'chmod 644 bin/*' \
	"doctor fails when hooks.d names a program that is not executable" fail "'$HOOK', which is no executable file" \
	'printf "version = 3\n[plugins.\"io.containerd.nri.v1.nri\"]\ndisable = true\n" >containerd/config.toml' \
	"doctor knows NRI that is off" warn "no runtime of"
broken 'cp /bin/true "$HOOK"' \
	"doctor warns of a program that is not static" warn "'$HOOK', which is not linked statically" \
	'printf "version = 2\n[plugins.\"io.containerd.nri.v1.nri\"]\n  disable = false\n" >containerd/config.toml' \
	"doctor knows NRI that was switched on" warn "only if NRI's hook-injector runs"
broken 'rm hooks.d/* && cp "$TOP/README.md" hooks.d/' \
	"doctor reads files that end in .json alone" warn "no file in 'hooks.d' starts the hook" \
	'echo "version = 3" >containerd/config.toml' \
	"doctor: hook-injector has nothing to inject without files in hooks.d" warn "no runtime of"
broken 'rm -r hooks.d' \
	"doctor takes a directory that is not there for an empty one" warn "no file in 'hooks.d' starts the hook" \
	'rm containerd/config.toml' \
	"doctor without containerd is content" ok "no containerd here"

right
mount -t tmpfs tmpfs /usr/share/containers && mkdir -p /usr/share/containers/oci/hooks.d && cp hooks.d/* /usr/share/containers/oci/hooks.d/
"$FAULTWIRE" doctor --json >out || true
holds "doctor looks where Podman and CRI-O look by themselves" says hooks.d ok "the hook at createRuntime and poststop"
if [[ -e /proc/sys/kernel/yama/ptrace_scope ]]; then
	echo 3 >ptrace_scope
	mount --bind ptrace_scope /proc/sys/kernel/yama/ptrace_scope
	doctor
	holds "doctor warns when nothing may be traced" says tracing warn "ptrace_scope is 3"
fi
finish
