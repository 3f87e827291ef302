# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A CRI client out of protoc and grpc.c, which image.sh builds. To be sourced; the runtime's socket is $CRI_SOCKET.
#
#	cri Version <<<''
#	cri RunPodSandbox <<<'config { metadata { name: "web" } }'
#
# Requests and answers are protobuf's text format, of the messages in cri.proto.

CRI_PROTO=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/cri.proto
CRI_GRPC=${CRI_PROTO%/*/*}/build/e2e/grpc

# Longest time of one call, in seconds. Emulated machines are slow.
: "${CRI_TIMEOUT:=180}"

# cri METHOD: calls it with the request on stdin, prints the answer. An error of the runtime is printed to stderr; returns not 0.
cri() (
	set -o pipefail
	service=RuntimeService
	[[ $1 != Image* ]] || service=ImageService
	cri_protoc --encode="runtime.v1.$1Request" |
		"$CRI_GRPC" "$CRI_SOCKET" "/runtime.v1.$service/$1" "$CRI_TIMEOUT" |
		cri_protoc --decode="runtime.v1.$1Response"
)

cri_protoc() {
	protoc --proto_path="${CRI_PROTO%/*}" "$1" "$CRI_PROTO"
}

# cri_map FIELD: a JSON object of strings on stdin as entries of the map FIELD
cri_map() {
	jq -r --arg field "$1" 'to_entries[] | "\($field) { key: \(.key | tojson) value: \(.value | tojson) }"'
}

# cri_strings FIELD TEXT...: the entries of a repeated string
cri_strings() {
	local text
	for text in "${@:2}"; do
		text=${text//\\/\\\\}
		text=${text//\"/\\\"}
		printf '%s: "%s"\n' "$1" "${text//$'\n'/\\n}"
	done
}

# cri_get FIELD: the first value of FIELD, at any depth, of an answer on stdin; nothing if it is not there. Strings are unquoted,
# and what is in them is unescaped.
cri_get() {
	local text
	# All is read, even though the first will do: a writer whose pipe was closed would count as failed.
	text=$(sed -n "s/^ *$1: //p")
	text=${text%%$'\n'*}
	[[ $text == '"'*'"' ]] || {
		printf '%s' "$text"
		return 0
	}
	text=${text#\"}
	cri_unescape "${text%\"}"
}

# protoc escapes like C. Of that bash's %b knows all but quotes; pairs of backslashes go first, or they would hide some.
cri_unescape() {
	local text=$1
	text=${text//\\\\/\\134}
	text=${text//\\\"/\"}
	text=${text//\\\'/\'}
	printf '%b' "$text"
}
