# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A CRI client out of protoc and curl. To be sourced; the runtime's socket is $CRI_SOCKET.
#
#	cri Version <<<''
#	cri RunPodSandbox <<<'config { metadata { name: "web" } }'
#
# Requests and answers are protobuf's text format, of the messages in cri.proto.

CRI_PROTO=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/cri.proto

# Longest time of one call, in seconds. Emulated machines are slow.
: "${CRI_TIMEOUT:=180}"

# cri METHOD: calls it with the request on stdin, prints the answer. An error of the runtime is printed to stderr; returns 1.
cri() (
	set -euo pipefail
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT

	cri_encode "$1" "$dir" && cri_post "$1" "$dir" && cri_check "$1" "$dir" && cri_decode "$1" "$dir"
)

cri_service() {
	case $1 in
	Image*) echo ImageService ;;
	*) echo RuntimeService ;;
	esac
}

# A gRPC message is preceded by a byte, 0 for not compressed, and its length as four bytes, the highest first.
cri_encode() {
	local length prefix
	protoc --proto_path="${CRI_PROTO%/*}" --encode="runtime.v1.$1Request" "$CRI_PROTO" >"$2/message" || return 1
	length=$(stat -c %s "$2/message")
	printf -v prefix '\\x%02x' 0 $((length >> 24)) $((length >> 16 & 255)) $((length >> 8 & 255)) $((length & 255))
	# shellcheck disable=SC2059 # the format is the bytes
	{
		printf "$prefix"
		cat "$2/message"
	} >"$2/request"
}

cri_post() {
	curl --silent --show-error --max-time "$CRI_TIMEOUT" --noproxy '*' \
		--http2-prior-knowledge --unix-socket "$CRI_SOCKET" \
		--header 'content-type: application/grpc' --header 'te: trailers' \
		--data-binary "@$2/request" --output "$2/answer" --dump-header "$2/headers" \
		"http://localhost/runtime.v1.$(cri_service "$1")/$1"
}

# The outcome is in the trailers, which curl appends to the headers.
cri_check() {
	local line status= message=
	while IFS= read -r line; do
		line=${line%$'\r'}
		case $line in
		'grpc-status: '*) status=${line#*: } ;;
		'grpc-message: '*) message=${line#*: } ;;
		esac
	done <"$2/headers"
	[[ $status != 0 ]] || return 0
	message=${message//\\/\\\\}
	printf '%s: %b (gRPC status %s)\n' "$1" "${message//%/\\x}" "${status:-missing}" >&2
	return 1
}

cri_decode() {
	tail -c +6 "$2/answer" | protoc --proto_path="${CRI_PROTO%/*}" --decode="runtime.v1.$1Response" "$CRI_PROTO"
}

# cri_map FIELD: a JSON object of strings on stdin as entries of the map FIELD
cri_map() {
	jq -r --arg field "$1" 'to_entries[] | "\($field) { key: \(.key | tojson) value: \(.value | tojson) }"'
}

# cri_strings FIELD TEXT...: the entries of a repeated string. By bash alone: jq takes a third of a second in an emulated machine.
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
