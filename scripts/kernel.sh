#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Fetch a stock Debian cloud kernel, for the test VM only: nothing is installed.
#
#   scripts/kernel.sh 6.12|6.1      unpacks it to build/vm/kernel-NAME
set -euo pipefail
# shellcheck source=scripts/apt.bash
. "$(dirname "$0")/apt.bash"

declare -r META=linux-image-cloud-amd64
declare -rA SUITE=([6.1]=bookworm [6.12]=bookworm-backports)

# resolve SUITE: the kernel package which the meta package depends on today.
resolve()
{
	private_apt "$1" apt-cache depends "$META" |
		awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }'
}

# unpack DEB DIR: as a tree that modprobe -d and depmod -b understand.
unpack()
{
	local deb=$1 dir=$2 release
	dpkg-deb -x "$deb" "$dir"
	[ -e "$dir/lib" ] || ln -s usr/lib "$dir/lib"
	release=$(ls "$dir/lib/modules")
	depmod -b "$dir" "$release"
	ln -s "boot/vmlinuz-$release" "$dir/vmlinuz"
	chmod -R a+rX "$dir"
}

main()
{
	local name=${1:-} suite package dir work
	suite=${SUITE[${name:-none}]:-}
	[ $# -eq 1 ] && [ -n "$suite" ] ||
		die "usage: scripts/kernel.sh ${!SUITE[*]}"
	dir=$FW_BUILD/vm/kernel-$name
	[ ! -e "$dir" ] || exit 0
	require_debian "unpack a $name kernel with its modules to '$dir' by hand"

	lock "kernel-$name"
	[ ! -e "$dir" ] || exit 0
	open_archive "$suite" deb "$suite"
	package=$(resolve "$suite")
	[[ $package == "linux-image-$name."* ]] ||
		die "'$suite' has '${package:-no $META}', not a $name kernel"

	# A rename at the end: a kernel directory that exists is complete.
	echo "fetching $package" >&2
	work=$(mktemp -d "$FW_BUILD/vm/kernel.XXXXXX")
	# shellcheck disable=SC2064
	trap "rm -rf '$work'" EXIT
	(cd "$work" && private_apt "$suite" apt-get -qq download "$package")
	unpack "$work/$package"_*.deb "$work/tree"
	mv -T "$work/tree" "$dir"
}

main "$@"
