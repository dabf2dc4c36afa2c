# SPDX-License-Identifier: MIT
#
# FTP servers and clients for the scenarios of the ftp plugin; sourced after lib.sh.
# FTP_NODE is where the server runs, KNOWN how clients call it.
VSFTPD=${VSFTPD:-$(command -v vsftpd)}
PUREFTPD=${PUREFTPD:-$(command -v pure-ftpd)}
FTP_NODE=${FTP_NODE:-server} KNOWN=${KNOWN:-$SERVER4}
USER_NAME=${FTP_USER:-hpnftp$$}
PASSWORD=secret
SIZE=2000000
[ -n "${HPN_FULL:-}" ] && SIZE=200000000

# --- servers: a user of its own, whose home is $HOME_DIR
HOME_DIR=$HPN_DIR/ftp
user_add() {
	useradd -M -d "$HOME_DIR" -s /bin/bash "$USER_NAME" &&
		echo "$USER_NAME:$PASSWORD" | chpasswd && mkdir -p "$HOME_DIR" &&
		chown "$USER_NAME" "$HOME_DIR" && chmod 755 "$HPN_DIR" "$HOME_DIR"
}
user_del() { userdel "$USER_NAME" 2>/dev/null; }

serve_vsftpd() {
	mkdir -p "$HPN_DIR/$FTP_NODE/empty"
	cat >"$HPN_DIR/$FTP_NODE/vsftpd.conf" <<-END
		listen=NO
		listen_ipv6=YES
		background=NO
		anonymous_enable=NO
		local_enable=YES
		write_enable=YES
		port_enable=YES
		connect_from_port_20=YES
		pasv_enable=YES
		secure_chroot_dir=$HPN_DIR/$FTP_NODE/empty
		pam_service_name=other
		seccomp_sandbox=NO
		isolate_network=NO
		session_support=NO
	END
	chown root "$HPN_DIR/$FTP_NODE/vsftpd.conf"
	start "$FTP_NODE" ftpd "$VSFTPD" "$HPN_DIR/$FTP_NODE/vsftpd.conf"
	wait_port "$FTP_NODE" 21
}
serve_pureftpd() { start "$FTP_NODE" ftpd "$PUREFTPD" -l unix -H -A; wait_port "$FTP_NODE" 21; }

# --- clients: get and put CLIENT MODE FILE; modes: active passive eactive epassive
py() { # get|put MODE FILE
	cat >"$HPN_DIR/ftp.py" <<-'END'
		import ftplib, sys, os
		what, mode, host, user, pw, name, local = sys.argv[1:8]
		class F(ftplib.FTP):
		    def makeport(self):
		        if mode != 'eactive': return super().makeport()
		        import socket
		        s = socket.create_server(('', 0), family=self.af, backlog=1)
		        self.sendeprt(self.sock.getsockname()[0], s.getsockname()[1]); s.settimeout(20); return s
		    def makepasv(self):
		        if mode != 'epassive': return super().makepasv()
		        return ftplib.parse229(self.sendcmd('EPSV'), self.sock.getpeername())
		f = F(host, user, pw, timeout=20); f.trust_server_pasv_ipv4_address = True
		f.set_pasv(mode in ('passive', 'epassive'))
		if what == 'get': f.retrbinary('RETR ' + name, open(local, 'wb').write)
		elif what == 'put': f.storbinary('STOR ' + name, open(local, 'rb'))
		elif what == 'list':
		    l = []; f.retrlines('LIST', l.append); assert any(name in x for x in l), l
		f.quit()
	END
	on "$NODE" timeout 120 python3 "$HPN_DIR/ftp.py" "$1" "$2" "$HOST" "$USER_NAME" $PASSWORD "$3" "$4"
}
lftp_() {
	local set="set net:timeout 15; set net:max-retries 1; set ftp:ssl-allow no; set ftp:use-feat no;" c
	case $2 in
	active) set="$set set ftp:passive-mode off; set ftp:prefer-epsv no;" ;;
	passive) set="$set set ftp:passive-mode on; set ftp:prefer-epsv no;" ;;
	epassive) set="$set set ftp:passive-mode on; set ftp:prefer-epsv yes;" ;;
	*) return 99 ;;
	esac
	case $1 in get) c="get1 -o $4 $3" ;; put) c="put $4 -o $3" ;; list) c="cls -l" ;; esac
	on "$NODE" timeout 120 lftp -c "$set open -u $USER_NAME,$PASSWORD ftp://$URL; $c" >"$HPN_DIR/out.$NODE" 2>&1 &&
		{ [ "$1" != list ] || grep -q "$3" "$HPN_DIR/out.$NODE"; }
}
curl_() {
	local o
	case $2 in
	active) o="--ftp-port - --disable-eprt" ;; eactive) o="--ftp-port - --eprt" ;;
	passive) o="--disable-epsv" ;; epassive) o="--ftp-pasv" ;;
	esac
	case $1 in
	get) o="$o -o $4 ftp://$URL/$3" ;; put) o="$o -T $4 ftp://$URL/$3" ;;
	list) o="$o -l ftp://$URL/" ;;
	esac
	on "$NODE" timeout 120 curl -gsS --connect-timeout 15 -u "$USER_NAME:$PASSWORD" $o >"$HPN_DIR/out.$NODE" &&
		{ [ "$1" != list ] || grep -q "$3" "$HPN_DIR/out.$NODE"; }
}
tnftp_() {
	local c
	case $2 in
	active) c="passive off;epsv4 off" ;; eactive) c="passive off;epsv4 on" ;;
	passive) c="passive on;epsv4 off" ;; epassive) c="passive on;epsv4 on" ;;
	esac
	case $1 in get) c="$c;get $3 $4" ;; put) c="$c;put $4 $3" ;; list) c="$c;ls" ;; esac
	{ echo "open $HOST"; echo "user $USER_NAME $PASSWORD"; echo binary; echo "$c" | tr ';' '\n'; echo quit; } |
		on "$NODE" timeout 120 tnftp -n -v >"$HPN_DIR/out.$NODE" 2>&1
	[ "$1" = get ] || grep -q '^226' "$HPN_DIR/out.$NODE"
}
wget_() {
	local o
	[ "$1" = get ] || return 99
	case $2 in active) o=--no-passive-ftp ;; passive) o= ;; *) return 99 ;; esac
	on "$NODE" timeout 120 wget -q -t 1 -T 20 $o -O "$4" "ftp://$USER_NAME:$PASSWORD@$URL/$3"
}

same() { [ "$(sha256sum <"$1")" = "$(sha256sum <"$2")" ]; }

# cell CLIENT MODE: down, up and a listing.
cell() {
	local get=$HPN_DIR/$NODE/got n
	rm -f "$get"
	"$1" get "$2" big "$get"; n=$?
	[ $n = 99 ] && { say "-     $1 $2: the program has no such mode"; return 0; }
	[ $n = 0 ] && same "$get" "$HOME_DIR/big" || { fail "$DAEMON_NAME $1 $2 $URL: download"; return 1; }
	if [ "$1" != wget_ ]; then
		rm -f "$HOME_DIR/up"
		"$1" put "$2" up "$get" && wait_for 3 same "$get" "$HOME_DIR/up" ||
			{ fail "$DAEMON_NAME $1 $2 $URL: upload"; return 1; }
		"$1" list "$2" big "$get" || { fail "$DAEMON_NAME $1 $2 $URL: listing"; return 1; }
	fi
	pass "$DAEMON_NAME $1 $2 $URL: down, up, listing"
}
matrix() {
	local c m
	for c in lftp_ curl_ tnftp_ py wget_; do
		for m in active passive eactive epassive; do cell $c $m; done
	done
}
at() { NODE=$1 HOST=$2; case $2 in *:*) URL="[$2]" ;; *) URL=$2 ;; esac; }

restart_proxy() {
	daemon_stop proxy; proxy_conf; daemon_start proxy
}

two_at_once() {
	local one two
	rm -f "$HPN_DIR"/client[12]/two
	( at client1 $KNOWN; tnftp_ get active big "$HPN_DIR/client1/two" ) & one=$!
	( at client2 $KNOWN; curl_ get passive big "$HPN_DIR/client2/two" ) & two=$!
	wait $one && wait $two && same "$HPN_DIR/client1/two" "$HOME_DIR/big" &&
		same "$HPN_DIR/client2/two" "$HOME_DIR/big" && return 0
	tail -n 20 "$HPN_DIR"/out.client[12]
	return 1
}

resume() {
	at client1 $KNOWN
	head -c $((SIZE / 2)) "$HOME_DIR/big" >"$HPN_DIR/client1/part"
	on client1 timeout 120 curl -gsS -C - --disable-epsv -u "$USER_NAME:$PASSWORD" \
		-o "$HPN_DIR/client1/part" "ftp://$URL/big" && same "$HPN_DIR/client1/part" "$HOME_DIR/big"
}

# Octet by octet, with Nagle's algorithm and without; several commands at once; a foreign address.
drip() { # nagle|nodelay
	cat >"$HPN_DIR/drip.py" <<-'END'
		import socket, sys, time, re
		host, user, pw, nodelay = sys.argv[1:5]
		s = socket.create_connection((host, 21), 15)
		s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, nodelay == 'nodelay')
		f = s.makefile('rb')
		def reply():
		    while True:
		        l = f.readline().decode()
		        if not l: raise EOFError
		        if l[3:4] == ' ': return l
		def drip(text):
		    for c in text:
		        s.send(bytes([c])); time.sleep(0.002)
		def data(r):
		    n = re.search(r'\((.*)\)', r).group(1).split(',')
		    return socket.create_connection(('.'.join(n[:4]), int(n[4]) * 256 + int(n[5])), 15)
		assert reply().startswith('220')
		drip(b'USER %s\r\n' % user.encode()); reply()
		drip(b'PASS %s\r\n' % pw.encode()); assert reply().startswith('230')
		for i in range(3):
		    drip(b'PASV\r\n'); r = reply()
		    assert r.startswith('227'), r
		    d = data(r); drip(b'NLST\r\n'); reply()
		    assert b'big' in d.makefile('rb').read(); assert reply().startswith('226')
		me = s.getsockname()[0].replace('.', ',')
		l = socket.socket(); l.bind((s.getsockname()[0], 0)); l.listen(); l.settimeout(15)
		p = l.getsockname()[1]
		s.sendall(('TYPE I\r\nPORT %s,%d,%d\r\nNLST\r\nNOOP\r\n' % (me, p >> 8, p & 255)).encode())
		assert reply().startswith('200'); r = reply(); assert r.startswith('200'), r
		c, _ = l.accept(); assert reply().startswith('150')
		assert b'big' in c.makefile('rb').read(); assert reply().startswith('226'); reply()
		drip(b'PORT 10,1,0,12,200,1\r\n'); assert reply().startswith('5')
		drip(b'X' * 3000 + b'\r\n'); assert reply()[0] == '5'
		s.sendall(b'QUIT\r\n'); reply()
	END
	on client1 timeout 60 python3 "$HPN_DIR/drip.py" $KNOWN "$USER_NAME" $PASSWORD "$1"
}

