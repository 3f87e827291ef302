#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# faultwire.dev/io in the kernel's file hooks: what fails in real containers, from when on, what ends it, what is left.
#
#     tests/hook/files.sh lsm|fmod_ret [RUNTIME...]       the backend that this kernel is to have
#
# shellcheck source=tests/hook/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"

BACKEND=$1
RUNTIMES=("${@:2}")
((${#RUNTIMES[@]})) || RUNTIMES=(runc)
PINS=/sys/fs/bpf/faultwire
VOLUME=$E2E_RUN/volume

cp build/tests/files "$BUNDLE/rootfs/bin/"
mkdir -p "$VOLUME/sub" "$BUNDLE/rootfs"/{data/dir,other,vol}

io() { # FAULTS PROGRAM...: in a container, to its end
	ANNOTATIONS=$(jq -n --arg io "$1" '{"faultwire.dev/io": $io}') container "" "${@:2}"
}

io_background() { # FAULTS PROGRAM...
	ANNOTATIONS=$(jq -n --arg io "$1" '{"faultwire.dev/io": $io}') background "" "${@:2}"
}

answers() { # WANTED FAULTS PROGRAM...: what the program in the container printed, in one line
	local got
	got=$(io "$2" "${@:3}" 2>&1) || true
	got=${got//$'\n'/}
	equals "${got% }" "$1"
}

fault() { # METHODS PATH [MORE]: methods with a comma between them
	echo "{\"action\":\"fault\",\"backend\":\"lsm\",\"errno\":\"EIO\",\"methods\":[\"${1//,/\",\"}\"],\"path\":\"$2\"${3-}}"
}

nothing_pinned() {
	[[ ! -e $PINS && -z $(ls "$CONTAINERS") ]]
}
