// SPDX-License-Identifier: BSD-2-Clause
/*
 * How personal data is recognised. Rules run in this order, and what one has taken another doesn't
 * see: wide ones (a whole query, all arguments) come before narrow ones.
 *
 * Expressions see bytes, not characters. They are written so that their work is linear: what
 * repeats is bounded or possessive. A first group, where there is one, is the value.
 */
#include "scrub_private.h"

/* clang-format off */
/* The value of NAME=: in quotes, or up to what ends a word. A mark is none. */
#define VALUE "(?|\\\\?\"([^\"\\\\\\r\\n]{1,4000})|'([^'\\r\\n]{1,4000})|([^\\s\"',;&<>()\\[\\]{}][^\\s\"',;&<>()\\[\\]{}]{0,4000}))"
#define REST "([^\\r\\n]{1,30000})"
/* Between a name and its value, JSON included. */
#define IS "[\"'\\\\]{0,2}\\s{0,3}(?:=>|[=:])\\s{0,3}"
#define SECRET_NAME                                                                                \
	"(?:pass(?:word|wd|phrase|code)|passwd|secret|token|credentials?|csrf|"                    \
	"(?:api|access|private|secret|encryption|signing|account|license)[_-]?key|"                \
	"session[_-]?(?:id|key)|(?<![a-z])(?:pwd|psk|auth|sid|otp|sig|signature|apikey))"
#define USER_NAME "([\\w.\\\\$+\\x80-\\xff-]{2,64})"
#define STAMP                                                                                      \
	"(?:[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d|"                                         \
	"\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d(?:[.,]\\d{1,9})?(?:Z|[+-]\\d\\d:?\\d\\d)?)"

const struct scrub_rule scrub_rules[] = {
	/* keys in PEM blocks */
	{SCRUB_token, "token", "-", NULL, NULL, NULL, scrub_find_key},

	/* queries of URLs and of requests; of a fragment only what looks like one */
	{SCRUB_query, "query", ":/?", "://", "://[^\\s?#\"'<>]{0,1000}+\\?([^\\s\"'<>]{0,8000}[^\\s\"'<>.,;:)\\]])"},
	{SCRUB_query, "query", ":/#=", "://", "://[^\\s#\"'<>]{0,1000}+#(?=[^\\s\"'<>=]{1,64}=)([^\\s\"'<>]{0,8000}[^\\s\"'<>.,;:)\\]])"},
	{SCRUB_query, "query", " ?", "get|post|put|head|delete|patch|options|connect|trace", "\\b(?:GET|POST|PUT|HEAD|DELETE|PATCH|OPTIONS|CONNECT|TRACE) [^\\s?\"]{0,2000}+\\?([^\\s\"]{1,8000})"},
	{SCRUB_query, "query", "/?=", NULL, "(?<=[\\s\"'(=:])/[^\\s?\"'<>]{0,1000}+\\?([\\w.%\\[\\]~+-]{1,64}=[^\\s\"'<>]{0,8000}(?<![.,;:)\\]]))"},

	/* arguments: the program's name stays */
	{SCRUB_arguments, "arg", "=", "command=", "\\bCOMMAND=\\S{1,1000} " REST},
	{SCRUB_arguments, "arg", "(", "cmd (", "\\bCMD \\(\\S{1,1000} " REST "(?=\\))"},
	{SCRUB_arguments, "arg", "", "line|proctitle|java_c|jvm_a|execs", "(?i)\\b(?:command ?line|cmdline|proctitle|java_command|jvm_args|execstart)\\s{0,3}[=:]\\s{0,3}(?|\"(?:[^\\s\"-][^\\s\"]{0,1000}\\s+)?([^\"\\r\\n]{1,8000})\"|'(?:[^\\s'-][^\\s']{0,1000}\\s+)?([^'\\r\\n]{1,8000})'|(?:[^\\s\"'-]\\S{0,1000}[ \\t]+)?" REST ")", scrub_check_command},
	{SCRUB_arguments, "arg", "", "arg", "\\b(?i:argv|args|arguments)[\"']?\\s{0,3}[=:]\\s{0,3}(\\[[^\\]\\r\\n]{1,8000}\\]|\\([^)\\r\\n]{1,8000}\\)|\"[^\"\\r\\n]{1,8000}\"|'[^'\\r\\n]{1,8000}'|-[^\\r\\n]{1,8000})"},
	{SCRUB_arguments, "arg", ": ", "command failed|unning|xecut|pawning|tarting|exec", "\\b(?:[Cc]ommand failed|[Rr]unning|[Ee]xecuting|[Ee]xecuted|[Ss]pawning|[Ss]tarting|exec)(?: command)?: (?:sudo )?\\S{1,1000} " REST, scrub_check_command},
	{SCRUB_arguments, "arg", "'[", "command ", "\\bCommand '\\['[^\\s',\\]]{1,1000}',? ([^\\r\\n]{1,8000}?)(?=\\]' (?:returned|died|timed))"},
	{SCRUB_arguments, "arg", "'", "command ", "\\bCommand '(?!\\[)[^\\s']{1,1000} ([^\\r\\n]{1,8000}?)(?=' (?:returned|died|timed))"},
	{SCRUB_arguments, "arg", "-=", " --|\"--|'--|[--", "(?<=[\\s\"'\\[])--[a-zA-Z][\\w-]{0,40}=(?|\"([^\"\\r\\n]{1,4000})\"|'([^'\\r\\n]{1,4000})'|([^\\s\"',)\\]<]{1,4000}))"},
	{SCRUB_arguments, "arg", "-D=", " -d|\"-d|'-d|[-d", "(?<=[\\s\"'\\[])-D[\\w.-]{1,100}=([^\\s\"',)\\]<]{1,4000})"},

	{SCRUB_arguments, "arg", " -", "curl|wget|docker|podman|kubectl|helm|mysql|psql|pg_dump|rsync|scp|ssh|openssl|ldapsearch|redis-cli|aws|gcloud|az |java|ffmpeg|useradd|usermod", "(?<![\\w./-])(?:curl|wget|docker|podman|kubectl|helm|mysql|mysqldump|psql|pg_dump|rsync|scp|ssh|sshpass|openssl|ldapsearch|redis-cli|aws|gcloud|az|java|ffmpeg|useradd|usermod) (?:[a-z]{2,20} ){0,2}(--?[a-zA-Z][^\\r\\n]{0,30000})"},

	/* environment: lists, names that hold secrets, names that are known */
	{SCRUB_environment, "env", "=", "env", "\\b(?i:env(?:iron(?:ment)?)?(?: variables?)?)[:=] ?([\\[{]?[\"']?[A-Za-z_]\\w{0,64}=[^\\r\\n]{1,8000})"},
	{SCRUB_environment, "env", "{", "env", "\\b(?i:env(?:iron(?:ment)?)?)[\"']?[:=] ?(\\{[^}\\r\\n]{1,8000}\\}?)"},
	{SCRUB_environment, "env", "=", "export|setenv|declare", "\\b(?:export|setenv|declare -x) [A-Za-z_]\\w{0,64}=" VALUE},
	{SCRUB_environment, "env", "=", "pass|secret|token|credential|dsn|cookie|salt|auth", "\\b(?:[A-Z0-9]{1,32}_){0,8}(?:PASS(?:WORD|WD|PHRASE)?|SECRET|TOKEN|CREDENTIALS?|DSN|COOKIE|SALT|AUTH)(?:_[A-Z0-9]{1,32}){0,3}=" VALUE},
	{SCRUB_environment, "env", "_=", "key=|pwd=|url=|uri=", "\\b(?:[A-Z0-9]{1,32}_){1,8}(?:KEY|PWD|URL|URI)=" VALUE},
	{SCRUB_environment, "env", "=", "path|ld_pre|java_|node_o|ls_c|display|ssh|xdg|dbus|kubernetes|aws|azure|gcp|google|github|ci_|npm|vault|pghost|pgport|pguser|pgdata|pgpass|pgopt|pgssl|mysql", "\\b(?:PATH|LD_LIBRARY_PATH|LD_PRELOAD|PYTHONPATH|CLASSPATH|JAVA_OPTS|JAVA_TOOL_OPTIONS|NODE_OPTIONS|LS_COLORS|DISPLAY|(?:SSH|XDG|DBUS|KUBERNETES|AWS|AZURE|GCP|GOOGLE|GITHUB|CI|NPM|VAULT|MYSQL)_[A-Z_]{2,40}|PG(?:HOST|PORT|USER|DATABASE|PASSWORD|PASSFILE|OPTIONS|SSL[A-Z]{2,12}))=" VALUE},

	/* secrets */
	{SCRUB_token, "token", "", "authorization", "(?i)\\b(?:proxy-)?authorization" IS "[\"']?((?:[a-z]{3,12} )?[^\\s\"',;<]{4,8000})"},
	{SCRUB_token, "token", " ", "bearer ", "(?i)\\bbearer ([a-z0-9._~+/-]{8,8000}={0,2})", scrub_check_secret},
	{SCRUB_token, "token", " B", "basic ", "\\bBasic ([A-Za-z0-9+/]{8,8000}={0,2})", scrub_check_secret},
	{SCRUB_token, "token", "eyJ.", "eyj", "\\beyJ[\\w-]{5,8000}+\\.[\\w-]{5,8000}+(?:\\.[\\w-]{0,8000}+)?"},
	{SCRUB_token, "token", "A", "akia|asia|aroa|aida|agpa|anpa|anva", "\\b(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA)[A-Z0-9]{16}\\b"},
	{SCRUB_token, "token", "A", "aaaa", "\\b(?:ssh-(?:rsa|ed25519|dss) )?\\bAAAA[A-Za-z0-9+/]{30,8000}+={0,2}"},
	{SCRUB_token, "token", "SHA256:", "sha256:", "\\bSHA256:([A-Za-z0-9+/]{43})(?![A-Za-z0-9+/=])"},
	{SCRUB_token, "token", "_", "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_|_live_|_test_|npm_|hf_|dop_v1_|whsec_", "\\b(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\\w{22,255}|(?:sk|pk|rk)_(?:live|test)_\\w{10,255}|npm_[A-Za-z0-9]{30,255}|hf_[A-Za-z]{30,255}|dop_v1_[0-9a-f]{60,70}|whsec_\\w{20,255})"},
	{SCRUB_token, "token", "-", "glpat-|xox|sk-|age-secret", "\\b(?:glpat-[\\w-]{20,255}|xox[abeprs]-[\\w-]{10,255}|sk-[\\w-]{20,255}|AGE-SECRET-KEY-1[A-Z0-9]{20,255})", scrub_check_secret},
	{SCRUB_token, "token", "AIza", "aiza", "\\bAIza[\\w-]{35}"},
	{SCRUB_token, "token", "SG.", "sg.", "\\bSG\\.[\\w-]{16,64}\\.[\\w-]{16,64}"},
	{SCRUB_token, "token", ":/@", "://", "://([^\\s/?#@\"'<>]{1,400}+)@", scrub_check_credentials},
	{SCRUB_token, "token", "[:=]", "cookie", "(?i)(?<=\\[)(?:set-)?cookie: ([\\w.%-]{1,100}=[^\\]\\r\\n]{1,8000})"},
	{SCRUB_token, "token", ":=", "cookie", "(?i)(?<![\\w\\[])(?:set-)?cookie[\"']?: ?[\"']?([\\w.%-]{1,100}=[^\\r\\n\"']{1,8000})"},
	{SCRUB_token, "token", "<>", "pass|secret|token|credential|csrf|api|key|session|pwd|psk|auth|sid|otp|sig", "(?i)<" SECRET_NAME ">([^<]{1,4000})<"},
	{SCRUB_token, "token", "'", "password", "(?i)\\bpassword(?:\\s{0,3}\\(|\\s{1,3})'([^'\\r\\n]{1,4000})'"},
	{SCRUB_token, "token", "'", "identified", "(?i)\\bidentified (?:with [\\w']{1,64} )?by (?:password )?'([^'\\r\\n]{1,4000})'"},
	{SCRUB_token, "token", "", "pass|secret|token|credential|csrf|api|key|session|pwd|psk|auth|sid|otp|sig", "(?i)" SECRET_NAME "(?:[_-]?(?:key|id|hash|value))?" IS VALUE, scrub_check_token},

	/* addresses */
	{SCRUB_email, "email", "@.", NULL, NULL, NULL, scrub_find_email},
	{SCRUB_email, "email", "<@>", NULL, "(?<=<)[\\w.+-]{1,64}@[\\w.-]{1,255}(?=>)"},
	{SCRUB_address, "mac", "MAC=:", "mac=", "\\bMAC=((?:[0-9a-f]{2}:){13}[0-9a-f]{2})"},
	{SCRUB_address, "mac", ":", NULL, "(?i)(?<![\\w:])[0-9a-f]{2}(?::[0-9a-f]{2}){5}(?:(?::[0-9a-f]{2}){2})?(?![\\w]|:\\w)", scrub_check_mac},
	{SCRUB_address, "mac", "-", NULL, "(?i)(?<![\\w-])[0-9a-f]{2}(?:-[0-9a-f]{2}){5}(?![\\w-])", scrub_check_mac},
	{SCRUB_address, "mac", ".", NULL, "(?i)(?<![\\w.])[0-9a-f]{4}\\.[0-9a-f]{4}\\.[0-9a-f]{4}(?![\\w]|\\.\\w)", scrub_check_mac},
	{SCRUB_address, "ip", "0:", NULL, "(?i)(?<![\\w:.])(?:[0-9a-f]{0,4}:){2,7}(?:(?:\\d{1,3}\\.){3}\\d{1,3}|[0-9a-f]{1,4}|(?<=::))(?!\\w|:(?!\\d{1,5}(?![\\w:]))[\\w:]|\\.\\d)", scrub_check_ipv6},
	{SCRUB_address, "ip", "0.", NULL, "(?<![A-Za-z0-9.\\x80-\\xff])\\d{1,3}(?:\\.\\d{1,3}){3}(?![\\d]|\\.\\d|[A-Za-z])", scrub_check_ipv4},
	{SCRUB_address, "ip", "0-", "ip-", "\\bip-(\\d{1,3}(?:-\\d{1,3}){3})(?![\\w-])"},

	/* numbers */
	{SCRUB_uuid, "uuid", "-", NULL, "(?i)(?<![0-9a-f])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-f])", scrub_check_uuid},
	{SCRUB_number, "card", "0", NULL, "(?<![\\w.])(\\d{13,19}|\\d{4}([ -])\\d{4}\\2\\d{4}\\2\\d{1,7}|3[47]\\d\\d([ -])\\d{6}\\3\\d{5})(?![\\w]|[.-]\\d)", scrub_check_card},
	{SCRUB_number, "iban", "0", NULL, "\\b[A-Z]{2}\\d{2} ?(?:[A-Z0-9]{4} ?){2,7}[A-Z0-9]{1,4}\\b", scrub_check_iban},
	{SCRUB_number, "phone", "+0", NULL, "(?<![\\w+])\\+[1-9]\\d{0,3}(?:[ ./-]?\\(?\\d{1,5}\\)?){2,6}(?!\\w)", scrub_check_phone},

	/* home directories */
	{SCRUB_home, "home", "/", "/home/|/users/|media/", "/(?:home|Users|run/media)/[^/\\s\"'<>:;,()\\[\\]|*?&{}]{1,100}", scrub_check_home},
	{SCRUB_home, "home", ":\\", "users|settings", "[A-Za-z]:\\\\{1,2}(?:Users|Documents and Settings)\\\\{1,2}[^\\\\\\s\"'<>|:]{1,100}", scrub_check_home},
	{SCRUB_home, "home", "~/", NULL, "(?<![\\w./~])~[a-z_][a-z0-9_-]{2,31}(?=/)"},

	/* users: where the text says that a word is one */
	{SCRUB_user, "user", "\":", "user|login|principal", "(?i)\"(?:user(?:[_-]?name)?|login|principal(?:[_-]?name)?)\\\\?\": ?\\\\?\"([^\"\\\\\\r\\n]{2,100})", scrub_check_user},
	{SCRUB_user, "user", "", "principal|user|login|logname|acct", "(?i)(?<![a-z])(?:principal(?:[_-]?name)?|user(?:[_-]?name)?|login(?:[_-]?name)?|logname|ruser|remote_user|acct)[\"'\\\\]{0,2}(?:=| ?[=:] )[\"'\\\\<]{0,2}" USER_NAME "(?![\\w(=\\[])", scrub_check_user},
	{SCRUB_user, "user", ":=", "new user", "\\bnew user: name=" USER_NAME, scrub_check_user},
	{SCRUB_user, "user", "=0(", "uid=|gid=", "\\b[ug]id=\\d{1,10}\\(" USER_NAME "\\)", scrub_check_user},
	{SCRUB_user, "user", " ", "user", "\\b(?i:(?:for|of|by|as|invalid|illegal|unknown|authenticating|from) user) [\"'`]?" USER_NAME "(?=[\"'`]?(?:$|[(@,;:\\]]| \\(uid=|\\.$|\\.? (?:by|from|on|at|in|port|\\d|[0-9a-f]{0,4}:)))", scrub_check_user},
	{SCRUB_user, "user", " ", "accepted|failed|postponed", "\\b(?:Accepted|Failed|Postponed) [\\w/-]{1,40} for (?:(?:invalid|illegal) user )?" USER_NAME "(?= from )", scrub_check_user},
	{SCRUB_user, "user", " ", "role|user|owner|login|authentication of", "\\b(?i:role|user|owner|login|authentication of)(?: name)? [\"'`\\[\\\\]{1,2}" USER_NAME "(?=[\"'`@\\]\\\\])", scrub_check_user},
	{SCRUB_user, "user", " ", "user ", "\\b(?i:user) " USER_NAME "(?=:? (?:logged|authentication failure|signed|authenticated|connected|disconnected|not found|does not exist|failed))", scrub_check_user},
	{SCRUB_user, "user", "[", NULL, "^\\S{1,255} \\S{1,64} ([^\\s\\[\"<-][^\\s\\[\"]{0,64})(?= \\[\\d\\d/[A-Z][a-z]{2}/\\d{4}:)", scrub_check_user},
	{SCRUB_user, "user", "sudo:", "sudo", "\\bsudo(?:\\[\\d{1,10}\\])?: {1,8}" USER_NAME "(?= : )", scrub_check_user},
	{SCRUB_user, "user", "([", "cron", "\\b(?:CRON|crond?)\\[\\d{1,10}\\]: \\(" USER_NAME "\\) ", scrub_check_user},
	{SCRUB_user, "user", "su:(", "su:|su[", "\\bsu(?:\\[\\d{1,10}\\])?: \\(to [\\w.-]{1,64}\\) " USER_NAME "(?= on )", scrub_check_user},
	{SCRUB_user, "user", "(=", "by ", "\\bby " USER_NAME "(?=\\(uid=)", scrub_check_user},
	{SCRUB_user, "user", " ", "password|login", "\\b(?:password (?:changed|check failed) for|FAILED LOGIN .{1,64} FOR|ROOT LOGIN BY) (?:user )?[('\"]{0,2}" USER_NAME, scrub_check_user},
	{SCRUB_user, "user", "@", NULL, "(?<![\\w.$-])[\"'`]?([\\w.$-]{2,64})[\"'`]?@(?=[\"'`]?(?:localhost\\b|<ip:|\\d{1,3}(?:\\.\\d{1,3}){3}(?!\\w)|\\[?[0-9a-fA-F]{1,4}:[0-9a-fA-F:]{2}))", scrub_check_user},
	{SCRUB_user, "user", "@:", "log:|error:|fatal:|panic:|warning:|notice:|detail:|hint:|statement:", "(?<![\\w.$-])" USER_NAME "@[\\w.-]{1,64}(?= (?:LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|DETAIL|HINT|STATEMENT):)", scrub_check_user},
	{SCRUB_user, "user", "@:", "user@host", "\\bUser@Host: ([\\w.-]{1,64})(?=\\[)", scrub_check_user},
	{SCRUB_user, "user", "[@", NULL, "(?<=\\[)([\\w.-]{1,64})(?=\\] @)", scrub_check_user},
	{SCRUB_user, "user", "[]", "peer connection", "\\[" USER_NAME "\\](?= Peer Connection)", scrub_check_user},
	{SCRUB_user, "user", "_/", "hier_|firstup|parent|sibling|timeout", "(?<= )" USER_NAME "(?= (?:HIER|FIRSTUP|PARENT|SIBLING|TIMEOUT)_[A-Z_]{2,30}/)", scrub_check_user},
	{SCRUB_user, "user", "~/", NULL, "(?<=/)~([a-z_][a-z0-9_-]{1,31})(?![\\w.-])", scrub_check_user},
	{SCRUB_user, "user", "()", "imap|pop3|lmtp|lda|sieve|submission", "\\b(?:imap|pop3|lmtp|lda|sieve|submission)(?:-login)?\\(" USER_NAME "\\)", scrub_check_user},
	{SCRUB_user, "user", " ", "starting session", "\\bStarting session: .{1,100} for " USER_NAME "(?= from )", scrub_check_user},
	{SCRUB_user, "user", ",=", "uid=|cn=", "\\b(?i:uid|cn)=([^,=\"'<>]{1,64})(?=,\\s?(?i:ou|dc|o|cn)=)"},
	{SCRUB_user, "user", "/", "/var/", "/var/(?:(?:spool/)?mail|spool/cron(?:/crontabs)?)/" USER_NAME, scrub_check_user},

	/* hosts: the column of syslog, and where the text says that a word is one */
	{SCRUB_hostname, "host", ":", NULL, "^(?:<\\d{1,3}>)?(?:1 )?" STAMP " ([A-Za-z0-9][\\w.-]{0,254})(?= [\\w/.@()-]{1,64}(?:\\[\\d{1,10}\\])?: )", scrub_check_host},
	{SCRUB_hostname, "host", "", "host|server|node", "(?i)(?<![a-z])(?:r?host(?:[_-]?name)?|server[_-]?name|node[_-]?name)[\"'\\\\]{0,2}(?:=|: ?)[\"'\\\\]{0,2}([a-z0-9](?:[\\w.-]{0,250}[a-z0-9])?)", scrub_check_host},
	{SCRUB_hostname, "host", "[]", NULL, "(?i)(?<![\\w.-])[a-z0-9][\\w.-]{1,250}(?=\\[(?:(?:\\d{1,3}\\.){3}\\d{1,3}|ipv6:|[0-9a-f]{1,4}:[0-9a-f]{0,4}:)[^\\]\\s]{0,64}\\])", scrub_check_host},
	{SCRUB_hostname, "host", "DHCP", "dhcp", "\\bDHCP[A-Z]{3,9}\\(\\S{1,32}\\) \\S{1,64} \\S{1,64} ([\\w.-]{1,255})", scrub_check_host},
	{SCRUB_hostname, "host", "(:", "(ipv", "(?<![\\w.-])([\\w.-]{1,255})(?= \\(ipv[46]:)", scrub_check_host},
	{SCRUB_hostname, "host", "=<>", "helo=", "\\bhelo=<([^>\\s]{1,255})>", scrub_check_host},
	{SCRUB_hostname, "host", ".", ".local|.internal|.corp|.lan|.intranet|home.arpa", "(?i)(?<![\\w.-])(?=[a-z0-9.-]{0,100}?[0-9-])(?:[a-z0-9](?:[a-z0-9-]{0,62})\\.){1,6}(?:local|internal|corp|lan|intranet|localdomain|home\\.arpa)(?![\\w.$(-]|:\\w*[a-z])", scrub_check_host},
};
/* clang-format on */
const size_t scrub_n_rules = sizeof(scrub_rules) / sizeof(scrub_rules[0]);
