#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The specification that all containers of a containerd runtime start from (base_runtime_spec), with faultwire's hook in it.
#
#	containerd-spec.sh add [--hook PATH] [FILE]	default FILE: /etc/containerd/faultwire-spec.json
#	containerd-spec.sh remove [FILE]
#
# add makes FILE from containerd's own default (ctr oci spec), so that containers are what they are without, or adds the hook to a FILE that is there, whose other hooks and settings it keeps.
# Done twice it changes nothing. What was there before is kept beside it, in FILE.faultwire-saved: remove puts that back byte for byte, or, if
# somebody else has changed FILE since, takes out the hook alone. Neither touches containerd's configuration: see containerd-v2.toml.
set -eu

HOOK=/usr/local/libexec/faultwire-hook
FILE=/etc/containerd/faultwire-spec.json
CONFIG=${CONTAINERD_CONFIG:-/etc/containerd/config.toml}

die() {
	printf 'containerd-spec.sh: %s\n' "$*" >&2
	exit 1
}

usage() {
	die "usage: containerd-spec.sh add [--hook PATH] [FILE] | remove [FILE]"
}

# Ours are told by the name of the program, so that another path replaces the former.
WITHOUT='def ours: ((.path // "") | endswith("/faultwire-hook"));
	def without: if .hooks then
		.hooks |= with_entries(if (.value | type) == "array" then .value |= map(select(ours | not)) else . end)
		else . end;'
WITH="$WITHOUT"'def entry($stage): {path: $hook, args: ["faultwire-hook", $stage], timeout: 15};
	without | .hooks.createRuntime += [entry("createRuntime")] | .hooks.poststop += [entry("poststop")]'
# Stages that only we were in go with us.
BARE="$WITHOUT"'without | if .hooks then .hooks |= with_entries(select(.value != [])) else . end
	| if .hooks == {} then del(.hooks) else . end'

# put FILE: from stdin, as a whole, with the owner and rights of what is there, and where a link to it points.
put() {
	to=$(readlink -f "$1")
	[ ! -e "$to" ] || cp -p "$to" "$to.new"
	cat >"$to.new"
	mv "$to.new" "$to"
}

say() {
	printf '%s\n' "$1"
}

sum() {
	sha256sum | cut -d ' ' -f 1
}

has_ours() {
	jq -e "$WITHOUT"'. != without' "$FILE" >/dev/null
}

# A JSON object, in which hooks are what a container's specification has.
check() {
	jq -e 'type == "object" and ((.hooks // {}) | type == "object" and all(.[]; type == "array" or . == null))' "$FILE" >/dev/null 2>&1 ||
		die "'$FILE' is no specification of containers: make it anew ('ctr oci spec'), or name another file"
	[ "$(jq -n 18446744073709551615)" = 18446744073709551615 ] || ! grep -qE '(^|[,:[])[[:space:]]*-?[0-9.]{16,}' "$FILE" ||
		die "'$FILE' has a number that this jq would round: install jq 1.7, or write the hook into it by hand"
}

with_hook() {
	jq --arg hook "$HOOK" "$WITH"
}

# $SAVED is written before $FILE. Its first line is the checksum of what we write, and the rest what was there.
add() {
	[ -x "$HOOK" ] || die "no program '$HOOK': install it first (make install), or name it with --hook"
	if [ ! -e "$FILE" ]; then
		command -v ctr >/dev/null || die "no 'ctr' to ask for containerd's default: run this on the node, or put a specification into '$FILE'"
		# Its CRI plugin gives containers no limits of its own, and would keep these.
		new=$(ctr oci spec | jq 'del(.process.rlimits)' | with_hook)
		mkdir -p "$(dirname "$FILE")"
		say "$new" | sum | put "$SAVED"
	else
		check
		new=$(with_hook <"$FILE")
		if ! has_ours; then
			{ say "$new" | sum && cat "$FILE"; } | put "$SAVED"
		elif [ "$(jq -S . "$FILE")" = "$(say "$new" | jq -S .)" ]; then
			return
		elif [ -e "$SAVED" ]; then
			{ say "$new" | sum && tail -n +2 "$SAVED"; } | put "$SAVED"
		fi
	fi
	say "$new" | put "$FILE"
	say "'$FILE' has the hook: let base_runtime_spec in '$CONFIG' name it, and restart containerd"
}

is_named() {
	grep -qsE "^[[:space:]]*base_runtime_spec[[:space:]]*=[[:space:]]*[\"']$FILE[\"']" "$CONFIG"
}

restore() {
	if [ "$(tail -n +2 "$SAVED" | wc -c)" -gt 0 ]; then
		tail -n +2 "$SAVED" | put "$FILE"
	elif is_named; then
		die "'$CONFIG' names '$FILE', without which containerd would not start: take base_runtime_spec out there first"
	else
		rm "$FILE"
	fi
}

remove() {
	if [ -e "$FILE" ]; then
		check
		if [ -e "$SAVED" ] && [ "$(head -n 1 "$SAVED")" = "$(sum <"$FILE")" ]; then
			restore
		elif has_ours; then
			new=$(jq "$BARE" "$FILE")
			say "$new" | put "$FILE"
		fi
	fi
	rm -f "$SAVED"
}

command -v jq >/dev/null || die "needs 'jq': install it"
[ $# -gt 0 ] || usage
verb=$1
shift
if [ "$verb" = add ] && [ "${1-}" = --hook ]; then
	[ $# -gt 1 ] || usage
	HOOK=$2
	shift 2
fi
[ $# -le 1 ] || usage
FILE=${1:-$FILE}
case $FILE in
/*) ;;
*) die "'$FILE' must be an absolute path, as containerd needs it" ;;
esac
case $HOOK in
/*/faultwire-hook) ;;
*) die "'$HOOK' must be an absolute path that ends in '/faultwire-hook'" ;;
esac
SAVED=$FILE.faultwire-saved
case $verb in
add) add ;;
remove) remove ;;
*) usage ;;
esac
