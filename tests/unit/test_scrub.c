// SPDX-License-Identifier: BSD-2-Clause
/* Texts in, texts without personal data out: a list for each class. */
#include "scrub_own.h"

static void test_address(void **state)
{
	static const struct own_row rows[] = {
		{"connect to 203.0.113.9:443 failed", "connect to <ip>:443 failed"},
		{"10.1.2.3 - - [25/Nov/2026:17:29:23 +0000]",
		 "<ip> - - [25/Nov/2026:17:29:23 +0000]"},
		{"from 10.1.2.3, 10.1.2.4 and 192.168.7.20/24.", "from <ip>, <ip> and <ip>/24."},
		{"/10.1.2.3:51234 => http://10.1.2.3/x", "/<ip>:51234 => http://<ip>/x"},
		{"tcp/10.1.2.3 tcp://10.1.2.3:80", "tcp/<ip> tcp://<ip>:80"},
		{"9.113.0.203.in-addr.arpa", "<ip>.in-addr.arpa"},
		{"node ip-10-1-2-3 joined", "node ip-<ip> joined"},
		{"listening on 127.0.0.1:80 and 0.0.0.0, mask 255.255.255.0", NULL},
		{"version 1.2.3.4, release: 4.3.2.1, v1.2.3.4, client_version=8.0.1.2", NULL},
		{"Chrome/119.0.0.0 Safari/537.36", NULL},
		{"libcef-96.0.18.0.so foo_1.2.3.4-1_amd64.deb, six==1.16.0.1", NULL},
		{"/opt/tool/4.1.0.7/bin/tool", NULL},
		{"install conf:all <none> 1.2.5.1-2, (1.2.5.1-2) dev_1.74.0.3_amd64.deb", NULL},
		{"scan 192.168.7.1-20 and 10.1.2.3-9", "scan <ip>-20 and <ip>-9"},
		{"OID 1.3.6.1.4.1.9.2, section 1.2.3.4.5", NULL},
		{"300.1.2.3 and 1.2.3.400 and 01.02.03.04", NULL},
		{"peer 2001:db8::17 and [2001:db8:0:1::42]:443", "peer <ip> and [<ip>]:443"},
		{"fe80::1c2:3ff%eth0 ::ffff:10.1.2.3: refused", "<ip>%eth0 <ip>: refused"},
		{"2001:DB8::17: no route", "<ip>: no route"},
		{"at 12:34:56 it was 17:29:23.123, ::1 and :: are local", NULL},
		{"std::vector<int>::at c10::add abc::def a::b::c face::b00c", NULL},
		{"link 52:54:00:12:34:56 up", "link <mac> up"},
		{"52-54-00-ab-34-56, 5254.00ab.3456", "<mac>, <mac>"},
		{"MAC=52:54:00:12:34:56:52:55:0a:00:02:02:08:00 SRC=10.0.2.2",
		 "MAC=<mac> SRC=<ip>"},
		{"ff:ff:ff:ff:ff:ff 00:00:00:00:00:00 26-11-25-10-20-30", NULL},
		{"MD5:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99", NULL},
		{"pci 0000:00:1f.2: [8086:2922] 0xffffffff81a2b3c4 7f3a5c0012ab-7f3a5c0034cd",
		 NULL},
	};

	OWN_CHECK(rows);
}

static void test_email(void **state)
{
	static const struct own_row rows[] = {
		{"to=<anna.berg@example.org>, relay", "to=<<email>>, relay"},
		{"Anna <a+b@sub.example.co.uk>; jörg@exämple.de", "Anna <<email>>; <email>"},
		{"mail:a@b.io.", "mail:<email>."},
		{"from=<cron@falcon7> size=5", "from=<<email>> size=5"},
		{"lodash@4.17.21 pkg@1.2.3-beta.alpha node@18", NULL},
		{"user@1000.service getty@tty1.service systemd-fsck@dev-sda1.service", NULL},
		{"git@github.com:backdraft/x.git memcpy@GLIBC_2.14 memcpy@@GLIBC_2.14 malloc@plt",
		 NULL},
		{"[Ljava.lang.String;@6d06d69c a@b @app.route", NULL},
	};

	OWN_CHECK(rows);
}

static void test_token(void **state)
{
	static const struct own_row rows[] = {
		{"Authorization: Bearer abc.def-123456", "Authorization: <token>"},
		{"\"authorization\":\"Basic dXNlcjpwYXNz\",\"a\":1",
		 "\"authorization\":\"<token>\",\"a\":1"},
		{"got Bearer 0123456789abcdef0 here", "got Bearer <token> here"},
		{"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl ok", "jwt <token> ok"},
		{"key AKIAIOSFODNN7EXAMPLE used", "key <token> used"},
		{"pushed with ghp_0123456789abcdefghijABCDEFGHIJ012345", "pushed with <token>"},
		{"password=hunter2 next", "password=<token> next"},
		{"db.password: hunter2", "db.password: <token>"},
		{"{\"password\":\"a b,c\",\"n\":1}", "{\"password\":\"<token>\",\"n\":1}"},
		{"{\\\"client_secret\\\":\\\"s3cr3t\\\"}",
		 "{\\\"client_secret\\\":\\\"<token>\\\"}"},
		{"api_key='0a1b2c3d4e' X-Api-Key: 0a1b2c3d4e",
		 "api_key='<token>' X-Api-Key: <token>"},
		{"dbPassword = geheim;", "dbPassword = <token>;"},
		{"session_id=8f3e2a1b0c access_token => 1234567",
		 "session_id=<token> access_token => <token>"},
		{"postgres://app:s3cret@db/shop", "postgres://<token>@db/shop"},
		{"https://annaberg@git.example/x", "https://<token>@git.example/x"},
		{"Cookie: sid=abc; theme=dark", "Cookie: <token>"},
		{"<password>hunter2</password>", "<password><token></password>"},
		{"CREATE USER x IDENTIFIED BY 'geheim'", "CREATE USER x IDENTIFIED BY '<token>'"},
		{"ED25519 SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
		 "ED25519 SHA256:<token>"},
		{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKoJ0123456789abcdef host", "<token> host"},
		{"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- after",
		 "<token> after"},
		{"-----BEGIN PRIVATE KEY-----\nMIIE", "<token>"},
		{"-----BEGIN CERTIFICATE-----", NULL},
		{"(using password: YES) password authentication failed, password=**** token: "
		 "expired",
		 NULL},
		{"Unexpected token: } in JSON, tokens=128 max_tokens=4096, token_type=bearer",
		 NULL},
		{"Bearer authentication failed, Basic authentication required", NULL},
		{"author: anna, secretary: x, auth: ok, signature: invalid, password=[PROTECTED]",
		 NULL},
		{"commit 6e2f7d0a1b2c3d4e5f60718293a4b5c6d7e8f901 sha256:"
		 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		 NULL},
		{"ssh://git@github.com/x.git", NULL},
		{"build-id: 8b9c0d1e2f3a4b5c6d7e8f90", NULL},
	};

	OWN_CHECK(rows);
}

static void test_number(void **state)
{
	static const struct own_row rows[] = {
		{"card 4111111111111111 charged", "card <card> charged"},
		{"4111 1111 1111 1111, 5500-0000-0000-0004", "<card>, <card>"},
		{"amex 3782 822463 10005", "amex <card>"},
		{"IBAN DE89 3704 0044 0532 0130 00.", "IBAN <iban>."},
		{"GB82WEST12345698765432", "<iban>"},
		{"call +49 170 1234567 or +491701234567", "call <phone> or <phone>"},
		{"4111111111111112 1764091763123 1764091763123456789 16 digits 1234567812345670",
		 NULL},
		{"+0100 +1234567 main+0x1234567 at 17:29:23 +0000", NULL},
		{"DE00 3704 0044 0532 0130 00 ABCD1234ABCD1234", NULL},
		{"size 40000000000 bytes, 12345678901234.5", NULL},
	};

	OWN_CHECK(rows);
}

static void test_uuid(void **state)
{
	static const struct own_row rows[] = {
		{"order 3f2b8c1e-9d4a-4c6b-8f7e-0a1b2c3d4e5f done", "order <uuid> done"},
		{"pvc-3F2B8C1E-9D4A-4C6B-8F7E-0A1B2C3D4E5F", "pvc-<uuid>"},
		{"00000000-0000-0000-0000-000000000000", NULL},
		{"7f3a5c00-7f3a5d00 00400000-0040b000 r-xp 00000000", NULL},
	};

	OWN_CHECK(rows);
}

static void test_query(void **state)
{
	static const struct own_row rows[] = {
		{"GET /find?name=anna&x=1 HTTP/1.1", "GET /find?<query> HTTP/1.1"},
		{"see https://example.org/a?b=c.", "see https://example.org/a?<query>."},
		{"(https://example.org/a?b=c)", "(https://example.org/a?<query>)"},
		{"cb https://example.org/#access_token=x1&t=2", "cb https://example.org/#<query>"},
		{"path=/x/y?z=1 status=200", "path=/x/y?<query> status=200"},
		{"https://example.org/doc#L10 /what/why? no", NULL},
	};

	OWN_CHECK(rows);
}

static void test_arguments(void **state)
{
	static const struct own_row rows[] = {
		{"COMMAND=/usr/bin/vi /etc/shop.conf", "COMMAND=/usr/bin/vi <arg>"},
		{"(root) CMD (run-parts /etc/cron.hourly)", "(root) CMD (run-parts <arg>)"},
		{"cmdline: /usr/bin/app --db shop -v", "cmdline: /usr/bin/app <arg>"},
		{"cmdline=\"app -v x\" pid=5", "cmdline=\"app <arg>\" pid=5"},
		{"argv: ['a', 'b'] done", "argv: <arg> done"},
		{"Command failed: git push origin --force", "Command failed: git <arg>"},
		{"Command '['git', 'push']' returned non-zero exit status 1.",
		 "Command '['git', <arg>]' returned non-zero exit status 1."},
		{"started with --config=/etc/x.yml --level=3",
		 "started with --config=<arg> --level=<arg>"},
		{"java -Xmx2g -Dapp.owner=anna -jar", "java <arg>"},{"with -Dapp.owner=anna -jar", "with -Dapp.owner=<arg> -jar"},
		{"Running: 5 tasks of 7", NULL},
		{"args: 3 given, Starting: all good", NULL},
	};

	OWN_CHECK(rows);
}

static void test_environment(void **state)
{
	static const struct own_row rows[] = {
		{"DB_PASSWORD=hunter2 STRIPE_API_KEY='a b'",
		 "DB_PASSWORD=<env> STRIPE_API_KEY='<env>'"},
		{"PATH=/usr/bin:/bin LD_PRELOAD=/x.so", "PATH=<env> LD_PRELOAD=<env>"},
		{"export REGION=\"eu west\"", "export REGION=\"<env>\""},
		{"environ: A=1 B=2", "environ: <env>"},
		{"env={'A': '1'}", "env=<env>"},
		{"DATABASE_URL=postgres://db/shop", "DATABASE_URL=<env>"},
		{"environment: production, env=prod", NULL},
		{"IN=eth0 OUT= LEN=60 TTL=64 ID=0 DF PROTO=TCP SPT=443", NULL},
		{"KEY_BLOCK_SIZE=8 MONKEY=1 DISPLAYED=3", NULL},
	};

	OWN_CHECK(rows);
}

static void test_home(void **state)
{
	static const struct own_row rows[] = {
		{"/home/carla/shop/app.py:12", "<home>/shop/app.py:12"},
		{"open '/home/carla': denied", "open '<home>': denied"},
		{"/export/home/carla/x /Users/carla/y", "/export<home>/x <home>/y"},
		{"C:\\Users\\carla\\x.txt", "<home>\\x.txt"},
		{"in ~carla/bin", "in <home>/bin"},
		{"/srv/people/annaberg/x", "<home>/x"},
		{"/root/x /home /home/ GET /home/index.html /home/$USER ~1.2 ~/x", NULL},
	};

	OWN_CHECK(rows);
}

static void test_user(void **state)
{
	static const struct own_row rows[] = {
		{"user=carla db=shop", "user=<user> db=shop"},
		{"\"username\":\"carla\"", "\"username\":\"<user>\""},
		{"session opened for user carla(uid=1001) by dora(uid=0)",
		 "session opened for user <user>(uid=1001) by <user>(uid=0)"},
		{"Accepted publickey for carla from 10.1.2.3 port 22",
		 "Accepted publickey for <user> from <ip> port 22"},
		{"Failed password for invalid user oracle9 from 10.1.2.3",
		 "Failed password for invalid user <user> from <ip>"},
		{"Disconnected from user carla 10.1.2.3 port 5",
		 "Disconnected from user <user> <ip> port 5"},
		{"Access denied for user 'carla'@'10.1.2.3'",
		 "Access denied for user '<user>'@'<ip>'"},
		{"role \"carla\" does not exist", "role \"<user>\" does not exist"},
		{"10.1.2.3 - carla [25/Nov/2026:17:29:23 +0000] \"GET / HTTP/1.1\"",
		 "<ip> - <user> [25/Nov/2026:17:29:23 +0000] \"GET / HTTP/1.1\""},
		{"sudo:    carla : TTY=pts/0", "sudo:    <user> : TTY=pts/0"},
		{"CRON[12]: (carla) CMD (x)", "CRON[12]: (<user>) CMD (x)"},
		{"uid=1001(carla) gid=1001(carla)", "uid=1001(<user>) gid=1001(<user>)"},
		{"ssh carla@10.1.2.3", "ssh <user>@<ip>"},
		{"uid=carla,ou=people,dc=example", "uid=<user>,ou=people,dc=example"},
		{"/var/mail/carla", "/var/mail/<user>"},
		{"thread annaberg-1 of AnnaBerg", "thread <user>-1 of <user>"},
		{"by Anna Bergström, anna.bergström and annabergs",
		 "by <user>, <user> and annabergs"},
		{"max: max_connections=5, maximal", "<user>: max_connections=5, maximal"},
		{"annaberg_prod", "<user>_prod"},
		{"user=root User: admin for user input [Times: user=0.05 sys=0.01]", NULL},
		{"user=1000 user space, user-agent: x, canceling statement due to user request",
		 NULL},
		{"ab is too short, root is everywhere", NULL},
	};

	OWN_CHECK(rows);
}

static void test_hostname(void **state)
{
	static const struct own_row rows[] = {
		{"Nov 25 17:29:23 falcon7 sshd[5]: x", "Nov 25 17:29:23 <host> sshd[5]: x"},
		{"Nov 25 17:29:23 other9 CRON[5]: x", "Nov 25 17:29:23 <host> CRON[5]: x"},
		{"2026-11-25T17:29:23.123+00:00 other9 app: x",
		 "2026-11-25T17:29:23.123+00:00 <host> app: x"},
		{"rhost=build7.example.org user=root", "rhost=<host> user=root"},
		{"Host: shop.example.org", "Host: <host>"},
		{"connect from mx3.example.net[203.0.113.9]", "connect from <host>[<ip>]"},
		{"node db-3.prod.internal joined", "node <host> joined"},
		{"FALCON7.corp.example is up, FALCON7 too", "<host> is up, <host> too"},
		{"falcon7_cpu_total falcon70", "<host>_cpu_total falcon70"},
		{"at jdk.internal.reflect.X(Y.java:1) threading.local thread-1.local()", NULL},
		{"No route to host: retry, host=localhost, host: unknown", NULL},
	};

	OWN_CHECK(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address),	  cmocka_unit_test(test_email),
		cmocka_unit_test(test_token),	  cmocka_unit_test(test_number),
		cmocka_unit_test(test_uuid),	  cmocka_unit_test(test_query),
		cmocka_unit_test(test_arguments), cmocka_unit_test(test_environment),
		cmocka_unit_test(test_home),	  cmocka_unit_test(test_user),
		cmocka_unit_test(test_hostname),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
