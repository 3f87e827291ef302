#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Format (clang-format), include rules of the house, sizes of functions and files. Prints each offence, exits 1 if there is one.
set -euo pipefail
cd "$(dirname "$0")/.."

bad=0
offence() { echo "lint: $*"; bad=1; }

sources() { git ls-files -co --exclude-standard -- '*.c' '*.h'; }

check_format() {
	local out
	out=$(sources | xargs clang-format --dry-run -Werror 2>&1 | grep -E 'error:|warning:' | sed 's/^/lint: /') || true
	[ -z "$out" ] || {
		echo "$out"
		bad=1
	}
}

# Includes in quotes under DIR, and kernel libraries' in brackets, must match ALLOWED.
includes() { # DIR ALLOWED
	local f line
	while read -r f; do
		while read -r line; do
			[[ $line =~ $2 ]] || offence "$f may not include $line"
		done < <(sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]+("[^"]+"|<(bpf|netlink|linux|seccomp|sys\/capability|yaml)[^>]*>).*/\1/p' "$f")
	done < <(sources | grep -E "^$1/")
}

check_includes() {
	includes 'bpf/abi\.h' '^<linux/types\.h>$'
	includes 'bpf/calendar\.h' '^"bpf/abi\.h"$'
	includes 'lib' '^"(lib/|bpf/(abi|file_abi|calendar|glob)\.h")'
	includes 'engine' '^("(engine/|lib/|bpf/(file_)?abi\.h"|build/bpf/)|<)'
	includes 'cni-plugin' '^("(cni-plugin/|engine/|lib/|bpf/(file_)?abi\.h")|<linux/)'
	includes 'oci-hook' '^("(oci-hook/|engine/|lib/)|<linux/)'
	includes 'cli' '^("(cli/|engine/|lib/|bpf/(file_)?abi\.h")|<)'
}

# Product code only: a test is often one long table.
check_sizes() {
	local f out
	while read -r f; do
		out=$(awk -v f="$f" '
			/^[a-zA-Z_].*\)[[:space:]]*$/ { name = $0 }
			/^\{/ { start = NR }
			/^\}/ { if (start && NR - start > 61) printf "%s:%d: %d lines in %s\n", f, start, NR - start - 1, name; start = 0 }
			END { if (NR > 500) printf "%s: %d lines\n", f, NR }' "$f")
		[ -z "$out" ] || offence "$out"
	done < <(sources | grep -vE '^(tests|e2e)/')
}

check_format
check_includes
check_sizes
[ "$bad" = 0 ] && echo "ok - format, include rules and sizes hold"
exit "$bad"
