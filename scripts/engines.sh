#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Container engines newer than the machine's, for tests only: nothing is installed.
#
#   scripts/engines.sh trixie     containerd 1.7, runc 1.1, crun 1.21           of Debian 13
#   scripts/engines.sh forky      containerd 2, Podman 5, runc 1.3, crun 1.28 and CNI plugins of the Debian after it
#   scripts/engines.sh cri-o      CRI-O 1.34 and its pinns, built from its Go module
#
# Makes build/engines/NAME/bin, and is quick when that is there. What Debian has built for a newer release runs here with that
# release's loader and libraries, which are beside it. What a machine cannot get is one line on stderr, and exit code 1.
set -euo pipefail
# shellcheck source=scripts/apt.bash
. "$(dirname "$0")/apt.bash"

declare -rA PACKAGES=(
	[trixie]='containerd crun runc'
	[forky]='conmon containerd containernetworking-plugins crun netavark podman runc'
)
declare -r CRIO=github.com/cri-o/cri-o@v1.34.0
# Of the module, as in Go's checksum database: what is built is what was tested.
declare -r CRIO_SUM='h1:ux2URwAyENy5e5hD9Z95tshdfy98eqatZk0fxx3rhuk='
# What a node's storage and signatures need, and these tests do not.
declare -r CRIO_TAGS=containers_image_ostree_stub,containers_image_openpgp,containers_image_rekor_stub,exclude_graphdriver_btrfs,exclude_graphdriver_zfs

# ---- Debian's

# Libraries that PACKAGE... depend on, at any depth; not those of other programs that they would start.
libraries()
{
	local suite=$1 all='' new
	shift
	while (($#)); do
		new=$(private_apt "$suite" apt-cache depends --no-recommends --no-suggests "$@" |
			sed -nE 's/^ [ |]Depends: (lib[a-z0-9+.-]+)$/\1/p' | sort -u | grep -vxF "${all:-none}" || true)
		all+=${new:+${all:+$'\n'}$new}
		# shellcheck disable=SC2086
		set -- $new
	done
	echo "$all"
}

# relink PROGRAM LIB: its loader and libraries are those in LIB, where they will be in the end.
relink()
{
	local program=$1 lib=$2 loader
	loader=$(patchelf --print-interpreter "$program" 2>/dev/null) || return 0
	patchelf --set-interpreter "$lib/${loader##*/}" --force-rpath --set-rpath "$lib" "$program"
}

debian()
{
	local suite=$1 work=$2 dir=$3 file deb
	local -a packages more
	read -ra packages <<<"${PACKAGES[$suite]}"
	open_archive "$suite" deb "$suite"
	mapfile -t more < <(libraries "$suite" "${packages[@]}")
	mkdir -p "$work/debs" "$work/bin" "$work/root"
	(cd "$work/debs" && private_apt "$suite" apt-get -qq download "${packages[@]}" "${more[@]}") 2>"$work/log" || {
		cat "$work/log" >&2
		die "cannot get ${packages[*]} of '$suite'"
	}
	for deb in "$work"/debs/*.deb; do
		dpkg-deb -x "$deb" "$work/root"
	done
	for file in "$work"/root/usr/{bin,sbin}/{conmon,containerd,containerd-shim-runc-v2,ctr,crun,podman,runc} \
		"$work"/root/usr/lib/podman/{aardvark-dns,netavark,rootlessport}; do
		[ -f "$file" ] || continue
		relink "$file" "$dir/lib"
		mv "$file" "$work/bin/"
	done
	for file in "$work"/root/usr/lib/cni/{bridge,host-local,loopback}; do
		[ -f "$file" ] || continue
		relink "$file" "$dir/lib"
		mkdir -p "$work/cni"
		mv "$file" "$work/cni/"
	done
	mv "$work/root/usr/lib/$MULTIARCH" "$work/lib"
	find "$work/lib" -mindepth 1 -maxdepth 1 -type d -exec rm -r {} +
	rm -rf "$work/debs" "$work/root"
}

# ---- CRI-O

# As a main module, so that its own go.sum and replacements hold. Its helper is C.
crio()
{
	local work=$1 source log=$1/log sum
	export GOFLAGS='-mod=mod -buildvcs=false -modcacherw -trimpath'
	go mod download -json "$CRIO" >"$work/module" 2>"$log" || { tail -n 3 "$log" >&2; die "cannot get the Go module '$CRIO'"; }
	sum=$(jq -r .Sum "$work/module")
	[ "$sum" = "$CRIO_SUM" ] || die "'$CRIO' has another sum than it had: '$sum'"
	source=$work/source
	cp -r "$(jq -r .Dir "$work/module")" "$source"
	mkdir "$work/bin"
	(cd "$source" && CGO_ENABLED=0 go build -ldflags='-s -w' -tags "$CRIO_TAGS" -o "$work/bin/crio" ./cmd/crio) >"$log" 2>&1 ||
		{ tail -n 20 "$log" >&2; die "cannot build '$CRIO'"; }
	"${CC:-cc}" -std=c99 -Os -static -s -o "$work/bin/pinns" "$source"/pinns/src/*.c
	chmod -R u+w "$source"
	rm -rf "$source"
}

need()
{
	local command
	for command; do
		command -v "$command" >/dev/null || die "no '$command' here"
	done
}

main()
{
	local name=${1:-} dir work
	[ $# -eq 1 ] && [[ $name == cri-o || -n ${PACKAGES[${name:-none}]:-} ]] ||
		die "usage: scripts/engines.sh cri-o|${!PACKAGES[*]}"
	dir=$FW_BUILD/engines/$name
	[ ! -e "$dir" ] || exit 0
	lock "engines-$name"
	[ ! -e "$dir" ] || exit 0

	# A rename at the end: an engine that exists is complete.
	mkdir -p "$FW_BUILD/engines"
	work=$(mktemp -d "$FW_BUILD/engines/.$name.XXXXXX")
	# shellcheck disable=SC2064
	trap "rm -rf '$work'" EXIT
	if [ "$name" = cri-o ]; then
		need go jq "${CC:-cc}"
		echo "building CRI-O" >&2
		crio "$work"
	else
		require_debian "put the engines of a newer one into '$dir/bin'"
		need patchelf
		echo "fetching engines of Debian '$name'" >&2
		MULTIARCH=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
		debian "$name" "$work" "$dir"
	fi
	chmod 755 "$work"
	mv -T "$work" "$dir"
}

main "$@"
