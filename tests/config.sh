#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What config/ has for users: files that engines can read and that agree with each other, and the script that puts our hook into containerd's
# base specification and takes it out again.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
spec=$work/spec.json
hook=$work/faultwire-hook
other=$work/other/faultwire-hook
mkdir "$work/other"
printf '#!/bin/sh\n' | tee "$hook" >"$other"
chmod +x "$hook" "$other"
export CONTAINERD_CONFIG=$work/config.toml

holds() { # SENTENCE COMMAND...
	local sentence=$1 out
	shift
	if out=$("$@" 2>&1); then
		echo "ok - $sentence"
	else
		echo "not ok - $sentence"
		printf '%s\n' "$out" | sed 's/^/#   /'
		failed=1
	fi
	rm -rf "$work"/spec.json* "$CONTAINERD_CONFIG"
}

add() {
	sh config/containerd-spec.sh add --hook "${HOOK:-$hook}" "$spec"
}

remove() {
	sh config/containerd-spec.sh remove "$spec"
}

alone() { # nothing is beside the specification
	[[ $(cd "$work" && ls -d spec.json*) == spec.json ]]
}

# As kind has it, in a form of its own: no newline at the end, odd spaces, a backslash.
theirs() {
	printf '{ "ociVersion":"1.1.0",\n\n  "hooks": {"createContainer":[{"path":"/kind/bin/mount-product-files.sh"}],"createRuntime":[ {"path":"/usr/bin/a\\\\b"} ]},"n": 1.50 }' >"$spec"
	chmod 640 "$spec"
	cp -p "$spec" "$work/theirs"
}

made() {
	local new='{"createRuntime":[["createRuntime","'$hook'"]],"poststop":[["poststop","'$hook'"]]}'
	add || return 1
	[[ $(jq -c '.hooks | map_values(map([.args[1], .path]))' "$spec") == "$new" ]] || return 1
	diff <(jq -S 'del(.hooks)' "$spec") <(ctr oci spec | jq -S 'del(.process.rlimits)')
}

twice() {
	add && cp -p "$spec" "$work/first" && cp "$spec.faultwire-saved" "$work/saved" && add && cmp "$spec" "$work/first" &&
		cmp "$spec.faultwire-saved" "$work/saved" && [[ $(stat -c %Y "$spec") == "$(stat -c %Y "$work/first")" ]]
}

goes() {
	add && remove && [[ -z $(ls "$work"/spec.json* 2>/dev/null) ]]
}

keeps() {
	theirs
	add || return 1
	[[ $(jq -c '[.hooks.createRuntime[].path, .hooks.createContainer[].path]' "$spec") == '["/usr/bin/a\\b","'$hook'","/kind/bin/mount-product-files.sh"]' ]] &&
		[[ $(stat -c %a "$spec") == 640 ]]
}

comes_back() {
	theirs
	add && remove && cmp "$spec" "$work/theirs" && [[ $(stat -c %a "$spec") == 640 ]] && alone
}

moves() {
	theirs
	add && HOOK=$other add || return 1
	[[ $(jq -c '[.hooks[][] | select(.path | endswith("faultwire-hook")).path]' "$spec") == '["'$other'","'$other'"]' ]] || return 1
	remove && cmp "$spec" "$work/theirs" && alone
}

edited() {
	theirs
	add && jq '.hostname = "x"' "$spec" >"$work/new" && cat "$work/new" >"$spec" && remove || return 1
	[[ $(jq -c . "$spec") == "$(jq -c '.hostname = "x"' "$work/theirs")" ]] && alone
}

never_there() {
	theirs
	remove && cmp "$spec" "$work/theirs" && alone
}

# After its first write, which a kill leaves alone.
killed() {
	theirs
	add && mv "$work/theirs" "$spec" && cp "$spec" "$work/theirs" || return 1
	remove && cmp "$spec" "$work/theirs" && alone || return 1
	add && cat "$work/theirs" >"$spec" && add && remove && cmp "$spec" "$work/theirs" && alone
}

through_a_link() {
	theirs
	mv "$spec" "$work/target" && ln -s "$work/target" "$spec"
	add && [[ -L $spec ]] && remove && [[ -L $spec ]] && cmp "$spec" "$work/theirs"
}

refuses() { # TEXT COMMAND...
	local said
	! said=$("${@:2}" 2>&1) && [[ $said == *"$1"* ]] || {
		echo "$said"
		return 1
	}
}

named() {
	add || return 1
	printf 'version = 2\n\tbase_runtime_spec = "%s"\n' "$spec" >"$CONTAINERD_CONFIG"
	refuses "take base_runtime_spec out there first" remove && [[ -e $spec && -e $spec.faultwire-saved ]] && rm "$CONTAINERD_CONFIG" && remove
}

broken() { # TEXT
	printf '%s' "$1" >"$spec"
	refuses "is no specification of containers" add && [[ $(cat "$spec") == "$1" ]] && alone
}

large() {
	printf '{"process":{"rlimits":[{"type":"RLIMIT_CORE","hard": 18446744073709551615}]}}' >"$spec"
	cp -p "$spec" "$work/theirs"
	if add; then
		grep -q 18446744073709551615 "$spec" && remove
	fi
	cmp "$spec" "$work/theirs" && alone
}

snippets() {
	python3 - config/containerd*.toml <<-'PYTHON'
		import sys, tomllib
		for file in sys.argv[1:]:
		    table = tomllib.load(open(file, "rb"))["plugins"]
		    (plugin, cri), = table.items()
		    (name, runtime), = cri["containerd"]["runtimes"].items()
		    assert plugin == ("io.containerd.grpc.v1.cri" if "v2" in file else "io.containerd.cri.v1.runtime"), plugin
		    assert name == ("faultwire" if "class" in file else "runc"), name
		    assert runtime == {"runtime_type": "io.containerd.runc.v2", "base_runtime_spec": "/etc/containerd/faultwire-spec.json",
		                       "pod_annotations": ["faultwire.dev/*"]}, runtime
	PYTHON
	grep -q '^FILE=/etc/containerd/faultwire-spec.json$' config/containerd-spec.sh && grep -q '^handler: faultwire$' config/runtime-class.yaml
}

# Where make install puts it.
paths() {
	grep -q '^HOOK=/usr/local/libexec/faultwire-hook$' config/containerd-spec.sh || return 1
	[[ $(jq -c '[.hook.path, .hook.args[1], .stages, .when.annotations]' config/oci-hook-*.json | tr '\n' ' ') == \
		'["/usr/local/libexec/faultwire-hook","createRuntime",["createRuntime"],{"^faultwire\\.dev/":".*"}] ["/usr/local/libexec/faultwire-hook","poststop",["poststop"],{"^faultwire\\.dev/":".*"}] ' ]]
}

holds "containerd-spec: makes what containerd's pods have by default, with the hook in createRuntime and poststop" made
holds "containerd-spec: done twice it changes nothing" twice
holds "containerd-spec: what it made goes with it" goes
holds "containerd-spec: other hooks, settings and rights stay" keeps
holds "containerd-spec: what was there comes back byte for byte" comes_back
holds "containerd-spec: another path replaces the former, and comes out as well" moves
holds "containerd-spec: what somebody has changed since stays, only the hook goes" edited
holds "containerd-spec: removed where it never was it changes nothing" never_there
holds "containerd-spec: killed between its two writes it can go on or go back" killed
holds "containerd-spec: a link stays one" through_a_link
holds "containerd-spec: a file that containerd's configuration names is not taken from under it" named
holds "containerd-spec: a file that is no JSON is refused and left alone" broken '{"hooks": '
holds "containerd-spec: so is one whose hooks are no lists" broken '{"hooks": {"poststop": {}}}'
holds "containerd-spec: a number that jq would round is refused, or kept" large
HOOK=$work/none/faultwire-hook holds "containerd-spec: a hook that is not there is refused" refuses "install it first" add
holds "containerd-spec: a path that is not absolute is refused" refuses "must be an absolute path" sh config/containerd-spec.sh add --hook "$hook" spec.json
holds "containerd-spec: anything else is told how it is called" refuses "usage:" sh config/containerd-spec.sh install
holds "config: containerd's tables parse, and name what the script makes" snippets
holds "config: hooks for CRI-O and Podman are where the hook is installed, for annotated containers" paths
exit "$failed"
