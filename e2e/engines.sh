# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Engines that this machine's Debian does not have, for suites that run on them. To be sourced before a suite isolates itself: fetching needs the
# network.
#
#	engines_fetch SENTENCE NAME...		NAMEs of scripts/engines.sh
#	engines_hooks HOOK DIR			our files of a hooks_dir, as config/ has them for users
#
# Where one cannot be had the suite ends here, with one skip that says what was tried. It is the only kind of skip that CI lets pass.

engines_fetch() {
	local sentence=$1 name said
	shift
	[[ -z ${E2E_ISOLATED-} ]] || return 0
	for name; do
		said=$(scripts/engines.sh "$name" 2>&1) && continue
		echo "skip - $sentence # cannot be had here: $(tail -n 1 <<<"$said")"
		exit 0
	done
}

engines_hooks() {
	local file
	mkdir -p "$2"
	for file in "$(dirname "${BASH_SOURCE[0]}")"/../config/oci-hook-*.json; do
		sed "s|/usr/local/libexec/faultwire-hook|$1|" "$file" >"$2/${file##*/}"
	done
}
