#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Real traffic of a pod whose faults are on other addresses: programs from Debian over IPv4 and IPv6, whatever the link does to packets.
# All of it arrives whole, and no counter moves. Natively under drops and a rate; in the VM, with less to carry, under netem and EDT.
set -euo pipefail
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"

OTHER='"direction":"both","target":{"cidrs":["192.0.2.0/24","2001:db8::/32"]}'
# These look into the packets themselves, and find nothing.
LOOKS='{"action":"dns","dns":{"patterns":["*.nowhere.example"],"rcode":"NXDOMAIN"}},
	{"action":"http","http":{"code":503,"path":"/nowhere/*"},"direction":"to"},
	{"action":"partition","direction":"both","target":{"hosts":["*.nowhere.example"]}},
	{"action":"reset","direction":"both","firstConnections":5,"target":{"ports":[9]}}'
DROPS="[{\"action\":\"loss\",\"loss\":{\"loss\":\"100\"},$OTHER},{\"action\":\"corrupt\",\"corrupt\":{\"corrupt\":\"100\"},$OTHER},
	{\"action\":\"duplicate\",\"duplicate\":{\"duplicate\":\"100\"},$OTHER},{\"action\":\"rate\",\"rate\":{\"rate\":\"8kbit\"},$OTHER},$LOOKS]"
DELAY="$LOOKS,{\"action\":\"delay\",\"delay\":{\"latency\":\"10s\",\"jitter\":\"1s\"},$OTHER}"
BYTES=8000000

in_web() {
	ip netns exec web "$@"
}

url() { # FAMILY
	[ "$1" = 6 ] && echo "[$(ip6 peer)]" || ip4 peer
}

address() { # FAMILY
	[ "$1" = 6 ] && ip6 peer || ip4 peer
}

# ---- servers in 'peer'

serve() {
	local top=$TMPDIR/www
	mkdir -p "$top" "$TMPDIR/nginx" /etc/netns/web
	head -c "$BYTES" /dev/urandom >"$top/big"
	head -c 3000 /dev/urandom >"$top/small"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=peer -days 2 \
		-keyout "$TMPDIR/key" -out "$TMPDIR/cert" 2>/dev/null
	cat >"$TMPDIR/nginx.conf" <<-END
		daemon off; master_process off; user root; pid $TMPDIR/nginx/pid; error_log stderr;
		events { }
		http {
			access_log off; client_max_body_size 100m;
			client_body_temp_path $TMPDIR/nginx/a; proxy_temp_path $TMPDIR/nginx/b; fastcgi_temp_path $TMPDIR/nginx/c;
			uwsgi_temp_path $TMPDIR/nginx/d; scgi_temp_path $TMPDIR/nginx/e;
			server {
				listen 80; listen [::]:80; listen 443 ssl http2; listen [::]:443 ssl http2;
				ssl_certificate $TMPDIR/cert; ssl_certificate_key $TMPDIR/key;
				root $top;
			}
		}
	END
	ip netns exec peer nginx -e stderr -c "$TMPDIR/nginx.conf" &
	ip netns exec peer dnsmasq --conf-file=/dev/null --keep-in-foreground --user=root --pid-file --no-resolv --no-hosts \
		--address=/svc.test/10.1.2.3 --address=/svc.test/fd00::123 &
	ip netns exec peer iperf3 -s >/dev/null 2>&1 &
	e2e_wait 20 in_web curl -so /dev/null "http://$(url 4)/small"
	e2e_wait 20 in_web bash -c "exec 3<>/dev/tcp/$(ip4 peer)/5201"
	e2e_wait 20 in_web bash -c "exec 3<>/dev/tcp/$(ip4 peer)/53"
}

# ---- what a program sees

iperf_tcp() { # FAMILY
	in_web iperf3 -c "$(address "$1")" -n "$BYTES" && in_web iperf3 -c "$(address "$1")" -n "$BYTES" -R
}

iperf_udp() { # FAMILY PAYLOAD
	in_web iperf3 -u -c "$(address "$1")" -b 20M -l "$2" -n $((BYTES / 8)) && in_web iperf3 -u -c "$(address "$1")" -b 20M -l "$2" -n $((BYTES / 8)) -R
}

download() { # FAMILY SCHEME [OPTION]: a big file and, over the same connection, small ones
	local family=$1 base
	base=$2://$(url "$family")
	rm -f "$TMPDIR/got."*
	in_web curl -sSfk "${@:3}" -m 60 -w '%{http_version} %{num_connects}\n' -o "$TMPDIR/got.big" "$base/big" -o "$TMPDIR/got.1" "$base/small" \
		-o "$TMPDIR/got.2" "$base/small" >"$TMPDIR/said" || return 1
	cat "$TMPDIR/said"
	cmp "$TMPDIR/got.big" "$TMPDIR/www/big" && cmp "$TMPDIR/got.1" "$TMPDIR/www/small" && cmp "$TMPDIR/got.2" "$TMPDIR/www/small" || return 1
	equals "$(awk '{ n += $2 } END { print $1, n }' "$TMPDIR/said")" "$([[ $* == *http2* ]] && echo 2 || echo 1.1) 1"
}

resolve() { # FAMILY [OPTION of resolv.conf]
	printf 'nameserver %s\noptions timeout:5 attempts:1 %s\n' "$(address "$1")" "${2-}" >/etc/netns/web/resolv.conf
	local i got
	for i in 1 2 3; do
		got=$(in_web getent ahosts "name$i.svc.test" | awk '{ print $1 }' | sort -u | xargs)
		equals "$got" "10.1.2.3 fd00::123" || return 1
	done
}

pings() { # FAMILY [OPTION...]
	contains "$(in_web ping "-$1" -q -c 20 -i 0.01 -W 5 "${@:2}" "$(address "$1")")" " 20 received, 0%"
}

sctp() { # FAMILY
	python3 - "$(address "$1")" "$BYTES" <<-'END'
		import hashlib, os, socket, sys, threading
		address, n = sys.argv[1], min(int(sys.argv[2]), 300000)
		family = socket.AF_INET6 if ":" in address else socket.AF_INET
		def inside(netns):
		    with open("/run/netns/" + netns) as ns:
		        import ctypes
		        assert ctypes.CDLL(None).setns(ns.fileno(), 0x40000000) == 0
		inside("peer")
		server = socket.socket(family, socket.SOCK_STREAM, 132)
		server.bind((address, 7000)); server.listen(1)
		inside("web")
		client = socket.socket(family, socket.SOCK_STREAM, 132)
		data, got = os.urandom(n), b""
		def send():
		    client.connect((address, 7000))
		    for i in range(0, n, 1000): client.sendall(data[i:i + 1000])
		    client.close()
		threading.Thread(target=send).start()
		c, _ = server.accept()
		while chunk := c.recv(65536): got += chunk
		sys.exit(got != data)
	END
}

each_family() { # COMMAND...: with the family behind its name
	"$1" 4 "${@:2}" && "$1" 6 "${@:2}"
}

# Faults whose counters have moved.
moved() {
	"$FAULTWIRE" status --json | jq -r '.pods[].faults[] | select(.matched > 0 or .injected > 0) | .name'
}

unmoved() { # COMMAND...
	"$@" && equals "$(moved)" ""
}

carries() { # SENTENCE: all of it, on the link as it is
	holds "$1: iperf3, TCP both ways" unmoved each_family iperf_tcp
	holds "$1: iperf3, UDP both ways" unmoved each_family iperf_udp 1200
	holds "$1: UDP, each packet once, none damaged" unmoved eval 'both_families 500 50 web peer untouched && both_families 500 50 peer web untouched'
	holds "$1: UDP in fragments" unmoved each_family iperf_udp 9500
	holds "$1: HTTP/1.1, one connection, files intact" unmoved each_family download http
	holds "$1: HTTP/1.1 over TLS" unmoved each_family download https --http1.1
	holds "$1: HTTP/2 over TLS" unmoved each_family download https --http2
	holds "$1: DNS by UDP and by TCP" unmoved eval 'each_family resolve && each_family resolve use-vc'
	holds "$1: ICMP, whole and in fragments" unmoved eval 'each_family pings && each_family pings -s 30000'
}

# The faults are in force all the while.
in_force() {
	in_web ping -c 1 -W 0.2 192.0.2.1 >/dev/null && return 1
	[ -n "$(moved)" ]
}

links() { # COMMAND OF ip link...: on the way between the two
	local i
	for i in web peer; do
		ip -n $i link set eth0 "$@"
		ip link set "v$i" "$@"
	done
	ip link set br0 "$@"
}

offloads() { # on|off
	local i
	for i in web peer; do
		ip netns exec $i ethtool -K eth0 tso "$1" gso "$1" gro "$1" >/dev/null
		ethtool -K "v$i" tso "$1" gso "$1" gro "$1" >/dev/null
	done
}

tagged() { # the VLAN on eth0 of the pod: what is inside the tag is matched as well, or not
	local i
	for i in web:1 peer:2; do
		ip -n "${i%:*}" link add link eth0 name eth0.5 type vlan id 5 || return 1
		ip -n "${i%:*}" addr add "10.99.0.${i#*:}/24" dev eth0.5
		ip -n "${i%:*}" addr add "fd99::${i#*:}/64" dev eth0.5 nodad
		ip -n "${i%:*}" link set eth0.5 up
	done
	address() { [ "$1" = 6 ] && echo fd99::2 || echo 10.99.0.2; }
	url() { [ "$1" = 6 ] && echo "[fd99::2]" || echo 10.99.0.2; }
	each_family pings && each_family pings -s 3000 && each_family iperf_tcp && each_family download https --http2
}

net_up
pod web
pod peer
neighbours web peer
if has_qdisc netem; then
	BYTES=400000
	serve
	for backend in netem edt; do
		add web "[${DELAY%\}},\"backend\":\"$backend\"}]"
		carries "under $backend"
		holds "under $backend: SCTP" unmoved each_family sctp
		(holds "under $backend: VLAN tags" unmoved tagged; finish) || failed=1
		ip -n web link del eth0.5
		ip -n peer link del eth0.5
		holds "under $backend: the fault is in force all the while" in_force
		del web
	done
	finish
fi
serve
add web "$DROPS"
carries "under drops"
offloads off
carries "under drops, segmentation offloads off"
offloads on
links mtu 9000
carries "under drops, jumbo frames"
holds "under drops: the faults are in force all the while" in_force
for check in SCTP "VLAN tags"; do skip "under netem: $check" "this machine's kernel has none"; done
finish
