#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build a static cJSON from Debian's source package: Debian ships the shared
# library only, and the plugin must run on nodes that do not have it.
#
#   scripts/cjson.sh    makes build/vendor/libcjson.a
#                             build/vendor/include/cjson/cJSON.h
set -euo pipefail
# shellcheck source=scripts/apt.bash
. "$(dirname "$0")/apt.bash"

declare -r VENDOR=$FW_BUILD/vendor
declare -r VIEW=source

# compile SOURCE_DIR
compile()
{
	(
		cd "$1"
		${CC:-cc} -O2 -g -fPIC -std=gnu11 -c cJSON.c -o cJSON.o
		${AR:-ar} rcsD libcjson.a cJSON.o
	)
}

# The library comes last: make and the test in main() take it for the whole.
publish()
{
	install -D -m 644 "$1/cJSON.h" "$VENDOR/include/cjson/cJSON.h"
	install -D -m 644 "$1/LICENSE" "$VENDOR/cjson.LICENSE"
	install -m 644 "$1/libcjson.a" "$VENDOR/libcjson.a.new"
	mv "$VENDOR/libcjson.a.new" "$VENDOR/libcjson.a"
}

main()
{
	local work
	[ ! -e "$VENDOR/libcjson.a" ] || exit 0
	require_debian "put libcjson.a and include/cjson/cJSON.h into '$VENDOR'"
	lock cjson
	[ ! -e "$VENDOR/libcjson.a" ] || exit 0

	echo "building cjson from Debian's source package" >&2
	open_archive "$VIEW" deb-src "$(os_release VERSION_CODENAME)"
	work=$(mktemp -d "$FW_BUILD/vm/cjson.XXXXXX")
	# shellcheck disable=SC2064
	trap "rm -rf '$work'" EXIT
	# apt has checked the files by Debian's signature on the index; the
	# maintainer's own on the .dsc is of no further use.
	(
		cd "$work"
		private_apt "$VIEW" apt-get -qq source --download-only cjson
		dpkg-source --no-check -x ./*.dsc tree
	) >"$work/log" 2>&1 || { cat "$work/log" >&2; die "no cjson source"; }
	compile "$work/tree"
	publish "$work/tree"
}

main "$@"
