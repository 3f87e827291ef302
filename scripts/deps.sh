#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Install the Debian packages that faultwire needs and that are missing.
#
#   scripts/deps.sh [--check] [build|test|e2e|vm|bench]...      default: all of them
#
# Silent, and quick, when nothing is missing. --check installs nothing: it names what is missing and fails.
set -euo pipefail
# shellcheck source=scripts/apt.bash
. "$(dirname "$0")/apt.bash"

declare -ra GROUPS_KNOWN=(build test e2e vm bench)

# What compiles the plugin, the engine and the BPF objects.
declare -ra BUILD=(
	bpftool
	clang
	dpkg-dev
	gcc
	libbpf-dev
	libc6-dev
	libcap-dev
	libelf-dev
	libnl-3-dev
	libyaml-dev
	llvm
	make
	pkg-config
	zlib1g-dev
)

# Unit tests, lint, and the native tests in throwaway network namespaces.
declare -ra TEST=(
	clang-format
	containernetworking-plugins
	curl
	dnsmasq-base
	ethtool
	gcc-aarch64-linux-gnu
	iperf3
	iproute2
	iptables
	iputils-ping
	jq
	libclang-rt-14-dev
	libcmocka-dev
	nginx-light
	openssl
	procps
	python3
	python3-croniter
	redis-server
	strace
	tzdata
	util-linux
)

# A real container runtime, and what talks CRI to it.
declare -ra E2E=(
	busybox-static
	ca-certificates
	conmon
	containerd
	containernetworking-plugins
	crun
	gcc
	iproute2
	iptables
	jq
	libc6-dev
	libnghttp2-dev
	patchelf
	podman
	protobuf-compiler
	python3
	runc
	util-linux
)

# The test VM: emulator (qemu-system-common carries virtiofsd), and the tools
# that unpack a kernel package and make an initramfs.
declare -ra VM=(
	cpio
	debian-archive-keyring
	gcc
	gzip
	kmod
	libc6-dev
	qemu-system-common
	qemu-system-x86
	util-linux
	xz-utils
)

# What other tools put on a pod's interface, to be measured beside us.
declare -ra BENCH=(
	ipset
	iptables
)

usage()
{
	echo "usage: scripts/deps.sh [--check] [build|test|e2e|vm|bench]..." >&2
	exit 2
}

# packages GROUP...
packages()
{
	local group
	for group; do
		local -n list=${group^^}
		printf '%s\n' "${list[@]}"
	done | sort -u
}

# Those on stdin that dpkg does not have completely installed.
missing()
{
	local -A have=()
	local name status
	command -v dpkg-query >/dev/null &&
		while read -r name status; do
			have[$name]=$status
		done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n')
	while read -r name; do
		[ "${have[$name]:-}" = installed ] || printf '%s\n' "$name"
	done
}

install_packages()
{
	export DEBIAN_FRONTEND=noninteractive
	local -ar opts=(-qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0)
	local log
	log=$(mktemp)

	echo "installing $# Debian packages: $*" >&2
	if ! { apt-get "${opts[@]}" update &&
		apt-get "${opts[@]}" install -y --no-install-recommends "$@"
	} </dev/null >"$log" 2>&1; then
		tail -n 30 "$log" >&2
		rm -f "$log"
		die "apt-get could not install the packages above"
	fi
	rm -f "$log"
}

main()
{
	local group check=''
	local -a need
	if [ "${1-}" = --check ]; then
		check=1
		shift
	fi
	[ $# -gt 0 ] || set -- "${GROUPS_KNOWN[@]}"
	for group; do
		[[ " ${GROUPS_KNOWN[*]} " == *" $group "* ]] || usage
	done

	mapfile -t need < <(packages "$@" | missing)
	[ ${#need[@]} -gt 0 ] || exit 0
	[ -z "$check" ] || die "missing packages: ${need[*]}; 'make deps' installs them"
	require_debian "install the equivalents of these packages: ${need[*]}"
	[ "$(id -u)" = 0 ] ||
		die "run 'apt-get install ${need[*]}' as root, or this script"
	install_packages "${need[@]}"
}

main "$@"
