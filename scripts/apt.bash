# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A private view of Debian's archive, to be sourced.  It lets the scripts next
# to it fetch packages from a suite that the machine does not subscribe to,
# without a change to /etc/apt and without naming a mirror: the mirror is the
# one that the machine's own sources use, the signatures are checked against
# Debian's own archive keyring, and all state lives under build/vm/apt.

FW_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
FW_BUILD=$FW_ROOT/build
FW_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# os_release KEY: one field of /etc/os-release, empty when it is not there.
os_release()
{
	# shellcheck disable=SC1091
	(. /etc/os-release 2>/dev/null && printf '%s\n' "${!1:-}")
}

# require_debian PURPOSE
require_debian()
{
	[ "$(os_release ID)" = debian ] && command -v apt-get >/dev/null ||
		die "this machine is not Debian: $1"
}

# Hold a lock on build/vm/NAME.lock until this process ends, so that several
# test runs in one checkout build an artefact once.
lock()
{
	mkdir -p "$FW_BUILD/vm"
	exec {FW_LOCK_FD}>"$FW_BUILD/vm/$1.lock"
	flock "$FW_LOCK_FD"
}

# The addresses which the machine's sources, in either syntax, give for the
# main archive.  apt itself is the parser.
mirrors()
{
	local codename
	codename=$(os_release VERSION_CODENAME)
	apt-get indextargets --no-release-info --format \
		'$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk -v codename="$codename" '
			$2 == "main" && ($1 == codename || $1 == "stable") &&
			$3 !~ /^cdrom:/ && !seen[$3]++ { print $3 }'
}

# private_apt VIEW TOOL ARGUMENT...: apt-get or apt-cache within a view that
# open_archive() made.  The empty status file hides what is installed here.
private_apt()
{
	local dir=$FW_BUILD/vm/apt/$1 tool=$2
	shift 2
	"$tool" -q \
		-o Dir::Etc::sourcelist="$dir/debian.sources" \
		-o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null \
		-o Dir::State::lists="$dir/lists" \
		-o Dir::State::status="$dir/status" \
		-o Dir::Cache="$dir/cache" \
		-o APT::Sandbox::User=root \
		"$@"
}

# open_archive VIEW TYPE SUITE: fetch the index of SUITE (TYPE: deb, deb-src)
# from the first mirror that has it with Debian's signature.
open_archive()
{
	local view=$1 type=$2 suite=$3 dir=$FW_BUILD/vm/apt/$1 mirror
	local -A target=([deb]=Packages [deb-src]=Sources)

	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	: >"$dir/status"
	while read -r mirror; do
		printf '%s\n' "Types: $type" "URIs: $mirror" "Suites: $suite" \
			"Components: main" "Targets: ${target[$type]}" \
			"Signed-By: $FW_KEYRING" >"$dir/debian.sources"
		if private_apt "$view" apt-get update --error-on=any \
			>"$dir/update.log" 2>&1; then
			return 0
		fi
	done < <(mirrors)
	[ ! -s "$dir/update.log" ] || sed 's/^/  /' "$dir/update.log" >&2
	die "cannot read '$suite' from the mirrors in this machine's apt sources"
}
