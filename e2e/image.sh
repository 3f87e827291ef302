#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds what the end-to-end tests need:
#
#	build/e2e/grpc		calls the runtime
#	build/e2e/busybox.tar	image localhost/busybox:e2e, as an archive that containerd, podman and skopeo read: busybox,
#				/bin/firstpacket, /bin/disk, and /pause, which holds a pod's namespaces
#
# Nothing is fetched: the pause process is pause.c, busybox is the distribution's static one. What is up to date is left alone.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(dirname "$here")/build/e2e

# Architecture by the name that images use.
image_arch() {
	case $(uname -m) in
	x86_64) echo amd64 ;;
	aarch64) echo arm64 ;;
	*) uname -m ;;
	esac
}

# image_hash FILE: its SHA-256, alone
image_hash() {
	local sum
	sum=$(sha256sum "$1")
	echo "${sum%% *}"
}

# image_pack NAME ROOT ARCHIVE [COMMAND...]: one layer from the tree ROOT. The same tree gives the same bytes.
image_pack() {
	local name=$1 root=$2 archive=$3 dir layer config
	shift 3
	dir=$(dirname "$root")/pack-$(basename "$root")
	mkdir "$dir"

	tar -C "$root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$dir/layer" .
	layer=$(image_hash "$dir/layer")
	mv "$dir/layer" "$dir/$layer.tar"

	jq -cn --arg arch "$(image_arch)" --arg layer "sha256:$layer" '{
		architecture: $arch, os: "linux",
		config: {Env: ["PATH=/bin"], Cmd: $ARGS.positional},
		rootfs: {type: "layers", diff_ids: [$layer]}
	}' --args "$@" >"$dir/config"
	config=$(image_hash "$dir/config")
	mv "$dir/config" "$dir/$config.json"

	jq -cn --arg name "$name" --arg config "$config.json" --arg layer "$layer.tar" \
		'[{Config: $config, RepoTags: [$name], Layers: [$layer]}]' >"$dir/manifest.json"
	tar -C "$dir" -cf "$dir.tar" manifest.json "$config.json" "$layer.tar"
	# Another test may be building the same image now: either whole archive will do, half of one will not.
	mv "$dir.tar" "$archive"
}

# image_compile SOURCE PROGRAM [LIBRARY...]
image_compile() {
	"${CC:-cc}" -std=gnu11 -Os -Wall -Wextra -static -s -o "$2" "$1" "${@:3}"
}

image_grpc() {
	image_compile "$here/grpc.c" "$1/grpc" -lnghttp2
	mv "$1/grpc" "$out/grpc"
}

image_busybox() {
	local root=$1/busybox applet
	mkdir -p "$root"/{bin,etc,proc,sys,dev,tmp}
	chmod 1777 "$root/tmp"
	cp "$busybox" "$root/bin/busybox"
	for applet in $("$busybox" --list); do
		[[ $applet == busybox ]] || ln -s busybox "$root/bin/$applet"
	done
	echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
	echo 'root:x:0:' >"$root/etc/group"
	image_compile "$here/firstpacket.c" "$root/bin/firstpacket"
	image_compile "$here/disk.c" "$root/bin/disk"
	image_compile "$here/pause.c" "$root/pause"
	image_pack localhost/busybox:e2e "$root" "$out/busybox.tar" /pause
}

# image_current FILE SOURCE...: true if FILE is there and no SOURCE is newer
image_current() {
	local archive=$1 source
	shift
	[[ -e $archive ]] || return 1
	for source in "$@"; do
		[[ $source -nt $archive ]] && return 1
	done
	return 0
}

busybox=$(command -v busybox) || {
	echo "image.sh: no busybox (package busybox-static)" >&2
	exit 1
}
if ldd "$busybox" >/dev/null 2>&1; then
	echo "image.sh: $busybox is not static (package busybox-static)" >&2
	exit 1
fi

mkdir -p "$out"
work=$(mktemp -d "$out/.image.XXXXXX")
trap 'rm -rf "$work"' EXIT

image_current "$out/grpc" "$here"/{grpc.c,image.sh} || image_grpc "$work"
image_current "$out/busybox.tar" "$here"/{firstpacket.c,disk.c,pause.c,image.sh} "$busybox" || image_busybox "$work"
