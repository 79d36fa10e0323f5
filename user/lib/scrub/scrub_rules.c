// SPDX-License-Identifier: BSD-2-Clause
/*
 * How personal data is recognised. Rules run in this order, and what one has taken another doesn't
 * see: wide ones (a whole query, all arguments) come before narrow ones.
 *
 * Expressions see bytes, not characters. They are written so that their work is linear: what
 * repeats is bounded or possessive. A first group, where there is one, is the value.
 */
#include "user/lib/scrub/scrub_private.h"

/* clang-format off */
/* The value of NAME=: in quotes, or up to what ends a word. A mark is none. */
#define VALUE "(?|\\\\?\"([^\"\\\\\\r\\n]{1,4000})|'([^'\\r\\n]{1,4000})|([^\\s\"',;&<>()\\[\\]{}][^\\s\"',;&<>()\\[\\]{}]{0,4000}))"
#define REST "([^\\r\\n]{1,30000})"
/* Between a name and its value, JSON included. */
#define IS "[\"'\\\\]{0,2}\\s{0,3}(?:=>|[=:])\\s{0,3}"
#define SECRET_NAME                                                                                \
	"(?:pass(?:word|wd|phrase|code)|passwd|secret|token|credentials?|csrf|"                    \
	"(?:api|access|private|secret|encryption|signing|account|license)[_-]?key|"                \
	"session[_-]?(?:id|key)|sessid|(?<![a-z])(?:pwd|psk|auth|sid|otp|sig|signature|apikey))"
#define USER_NAME "([\\w.\\\\$+\\x80-\\xff-]{2,64})"
#define STAMP                                                                                      \
	"(?:[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d|"                                         \
	"\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d(?:[.,]\\d{1,9})?(?:Z|[+-]\\d\\d:?\\d\\d)?)"

/* What stands there of an address: the address, or its mark. */
#define ADDRESS "(?:<ip:|(?:\\d{1,3}\\.){3}\\d|(?i:ipv6:)|(?i:[0-9a-f]{0,4}:[0-9a-f]{0,4}:))"
#define MAIL "(?:<email:|[\\w.+-]{1,64}@)"
#define HOST_NAME "([A-Za-z0-9](?:[\\w.-]{0,250}[A-Za-z0-9])?)"
/* With a dot, and no number at its end. */
#define FULL_NAME "([A-Za-z0-9](?:[\\w-]{0,62}\\.){1,8}[A-Za-z]{2,24})"
/* Capitalised words, as people are called; bytes over 0x7f are letters. */
#define PERSON "([A-Z\\xc3][\\w\\x80-\\xff'-]{1,40}(?: [A-Z\\xc3][\\w\\x80-\\xff.'-]{0,40}){1,3})"

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
	{SCRUB_arguments, "arg", "'[", "unning|xecut|pawning|tarting", "\\b(?:[Rr]unning|[Ee]xecuting|[Ss]pawning|[Ss]tarting)(?: command)?: \\['[^'\\r\\n]{1,1000}', ?([^\\]\\r\\n]{1,8000})"},
	{SCRUB_arguments, "arg", "'[", "command ", "\\bCommand '\\['[^\\s',\\]]{1,1000}',? ([^\\r\\n]{1,8000}?)(?=\\]' (?:returned|died|timed))"},
	{SCRUB_arguments, "arg", "'", "command ", "\\bCommand '(?!\\[)[^\\s']{1,1000} ([^\\r\\n]{1,8000}?)(?=' (?:returned|died|timed))"},
	{SCRUB_arguments, "arg", "-=", " --|\"--|'--|[--", "(?<=[\\s\"'\\[])--[a-zA-Z][\\w-]{0,40}=(?|\"([^\"\\r\\n]{1,4000})\"|'([^'\\r\\n]{1,4000})'|([^\\s\"',)\\]<]{1,4000}))"},
	{SCRUB_arguments, "arg", "-D=", " -d|\"-d|'-d|[-d", "(?<=[\\s\"'\\[])-D[\\w.-]{1,100}=([^\\s\"',)\\]<]{1,4000})"},

	{SCRUB_arguments, "arg", " -", "curl|wget|docker|podman|kubectl|helm|mysql|psql|pg_dump|rsync|scp|ssh|openssl|ldapsearch|redis-cli|aws|gcloud|az |java|ffmpeg|useradd|usermod", "(?<![\\w./-])(?:curl|wget|docker|podman|kubectl|helm|mysql|mysqldump|psql|pg_dump|rsync|scp|ssh|sshpass|openssl|ldapsearch|redis-cli|aws|gcloud|az|java|ffmpeg|useradd|usermod) (?:[a-z]{2,20} ){0,2}(--?[a-zA-Z][^\\r\\n]{0,30000})"},

	{SCRUB_arguments, "arg", " =\"", " a", "(?<= )a[1-9]\\d{0,2}=\"([^\"\\r\\n]{1,4000})\""},

	/* environment: lists, names that hold secrets, names that are known */
	{SCRUB_environment, "env", "=", "env", "\\b(?i:env(?:iron(?:ment)?)?(?: variables?)?)[:=] ?([\\[{]?[\"']?[A-Za-z_]\\w{0,64}=[^\\r\\n]{1,8000})"},
	{SCRUB_environment, "env", "{", "env", "\\b(?i:env(?:iron(?:ment)?)?)[\"']?[:=] ?(\\{[^}\\r\\n]{1,8000}\\}?)"},
	{SCRUB_environment, "env", "=", "export|setenv|declare", "\\b(?:export|setenv|declare -x) [A-Za-z_]\\w{0,64}=" VALUE},
	{SCRUB_environment, "env", "=", "pass|secret|token|credential|dsn|cookie|salt|auth", "\\b(?!AUTH=)(?:[A-Z0-9]{1,32}_){0,8}(?:PASS(?:WORD|WD|PHRASE)?|SECRET|TOKEN|CREDENTIALS?|DSN|COOKIE|SALT|AUTH)(?:_[A-Z0-9]{1,32}){0,3}=" VALUE},
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
	{SCRUB_token, "token", "", "hvs.|hvb.|glsa_|glrt-|glcbt-|dckr_pat_|atatt3|ya29.|pypi-|key-|aa", "(?<![\\w-])(?:hv[sb]\\.[\\w-]{20,255}|glsa_[A-Za-z0-9]{20,64}(?:_[0-9a-f]{8})?|gl(?:rt|cbt)-[\\w-]{16,255}|dckr_pat_[\\w-]{20,255}|ATATT3[\\w=-]{20,255}|ya29\\.[\\w-]{20,255}|pypi-[\\w-]{40,255}|key-[0-9a-f]{32}|\\d{8,10}:AA[\\w-]{33})(?![\\w-])"},
	{SCRUB_token, "token", "AIza", "aiza", "\\bAIza[\\w-]{35}"},
	{SCRUB_token, "token", "SG.", "sg.", "\\bSG\\.[\\w-]{16,64}\\.[\\w-]{16,64}"},
	{SCRUB_token, "token", ":/@", "://", "://([^\\s/?#@\"'<>]{1,400}+)@", scrub_check_credentials},
	{SCRUB_token, "token", "[:=]", "cookie", "(?i)(?<=\\[)(?:set-)?cookie: ([\\w.%-]{1,100}=[^\\]\\r\\n]{1,8000})"},
	{SCRUB_token, "token", ":=", "cookie", "(?i)(?<![\\w\\[])(?:set-)?cookie[\"']?: ?[\"']?([\\w.%-]{1,100}=[^\\r\\n\"']{1,8000})"},
	{SCRUB_token, "token", "<>", "pass|secret|token|credential|csrf|api|key|session|pwd|psk|auth|sid|otp|sig", "(?i)<" SECRET_NAME ">([^<]{1,4000})<"},
	{SCRUB_token, "token", "'", "password", "(?i)\\bpassword(?:\\s{0,3}\\(|\\s{1,3}(?:is |was )?)'([^'\\r\\n]{1,4000})'"},
	{SCRUB_token, "token", "\"", "password", "(?i)\\bpassword (?:is |was )?\"([^\"\\r\\n]{1,4000})\"", scrub_check_token},
	{SCRUB_token, "token", "'", "identified", "(?i)\\bidentified (?:with [\\w']{1,64} )?by (?:password )?'([^'\\r\\n]{1,4000})'"},
	{SCRUB_token, "token", "->\"", "pass|secret|token|credential|key", "(?i)" SECRET_NAME IS "\"[^\"\\r\\n]{0,1000}\" [=-]> \"([^\"\\r\\n]{1,1000})\"", scrub_check_token},
	{SCRUB_token, "token", "", "pass|secret|token|credential|csrf|api|key|sess|pwd|psk|auth|sid|otp|sig", "(?i)" SECRET_NAME "(?:[_-]?(?:key|id|hash|value))?" IS VALUE, scrub_check_token},

	/* addresses */
	{SCRUB_email, "email", "@.", NULL, NULL, NULL, scrub_find_email},
	{SCRUB_email, "email", "<@>", NULL, "(?<=<)[\\w.+-]{1,64}@[\\w.-]{1,255}(?=>)"},
	{SCRUB_address, "mac", "MAC=:", "mac=", "\\bMAC=((?:[0-9a-f]{2}:){13}[0-9a-f]{2})"},
	{SCRUB_address, "mac", ":", NULL, "(?i)(?<![\\w:])[0-9a-f]{2}(?::[0-9a-f]{2}){5}(?:(?::[0-9a-f]{2}){2})?(?![\\w]|:\\w)", scrub_check_mac},
	{SCRUB_address, "mac", "-", NULL, "(?i)(?<![\\w-])[0-9a-f]{2}(?:-[0-9a-f]{2}){5}(?![\\w-])", scrub_check_mac},
	{SCRUB_address, "mac", ".", NULL, "(?i)(?<![\\w.])[0-9a-f]{4}\\.[0-9a-f]{4}\\.[0-9a-f]{4}(?![\\w]|\\.\\w)", scrub_check_mac},
	{SCRUB_address, "ip", "0:", NULL, "(?i)(?<![\\w:.])(?:[0-9a-f]{0,4}:){2,7}(?:(?:\\d{1,3}\\.){3}\\d{1,3}|[0-9a-f]{1,4}|(?<=::))(?!\\w|:(?!\\d{1,5}(?![\\w:]))[\\w:]|\\.\\d)", scrub_check_ipv6},
	{SCRUB_address, "ip", "0.", NULL, "(?<![A-Za-z0-9\\x80-\\xff])(?<![A-Za-z0-9_]\\.)\\d{1,3}(?:\\.\\d{1,3}){3}(?![\\d]|\\.\\d|[A-Za-z])", scrub_check_ipv4},
	{SCRUB_address, "ip", "0-", "ip-", "\\bip-(\\d{1,3}(?:-\\d{1,3}){3})(?![\\w-])"},

	/* numbers */
	{SCRUB_uuid, "uuid", "-", NULL, "(?i)(?<![0-9a-f])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-f])", scrub_check_uuid},
	{SCRUB_number, "card", "0", NULL, "(?<![\\w.])(\\d{13,19}|\\d{4}([ -])\\d{4}\\2\\d{4}\\2\\d{1,7}|3[47]\\d\\d([ -])\\d{6}\\3\\d{5})(?![\\w]|[.-]\\d)", scrub_check_card},
	{SCRUB_number, "iban", "0", NULL, "\\b[A-Z]{2}\\d{2} ?(?:[A-Z0-9]{4} ?){2,7}[A-Z0-9]{1,4}\\b", scrub_check_iban},
	{SCRUB_number, "phone", "+0", NULL, "(?<![\\w+])\\+[1-9]\\d{0,3}(?:[ ./-]?\\(?\\d{1,5}\\)?){2,6}(?!\\w)", scrub_check_phone},

	{SCRUB_number, "phone", "0", "phone|mobile|msisdn|tel|fax", "(?i)(?<![a-z])(?:(?:tele)?phone|mobile|msisdn|tel|fax)(?:[_-]?(?:number|no))?" IS "[\"']?(\\+?[0-9][0-9 ()/.-]{5,20}[0-9])(?![\\w])"},

	/* home directories */
	{SCRUB_home, "home", "/", "/home/|/users/|media/", "/(?:home|Users|run/media)/[^/\\s\"'<>:;,()\\[\\]|*?&{}]{1,100}", scrub_check_home},
	{SCRUB_home, "home", ":\\", "users|settings", "[A-Za-z]:\\\\{1,2}(?:Users|Documents and Settings)\\\\{1,2}[^\\\\\\s\"'<>|:]{1,100}", scrub_check_home},
	{SCRUB_home, "home", "~/", NULL, "(?<![\\w./~])~[a-z_][a-z0-9_-]{2,31}(?=/)"},

	/* users: where the text says that a word is one */
	{SCRUB_user, "user", "\":", "user|login|principal|author|account|owner|actor|nick|name|by", "(?i)\"(?:[\\w-]{1,32}[._-])?(?:user(?:[_-]?(?:name|id))?|display[_-]?name|login|principal(?:[_-]?name)?|author(?:[_-]?name)?|account[_-]?name|owner|actor|nick(?:[_-]?name)?|(?:created|updated|modified|changed|started|requested|deleted|approved|assigned|reviewed|submitted)_?by|(?:first|last|full|real|given|family|sur)[_-]?name)\\\\?\": ?\\\\?\"([^\"\\\\\\r\\n]{2,100})", scrub_check_user},
	{SCRUB_user, "user", "", "principal|user|login|logname|acct|set_id|authid|auth_id|account|owner|name|by|usr|ugi", "(?i)(?<![a-z])(?:principal(?:[_-]?name)?|user(?:[_-]?(?:name|id))?|uname|usr|ugi|account[_-]?id|display[_-]?name|(?<!-)login(?:[_-]?name)?|logname|ruser|remote_user|acct|set_id|auth_?id|(?:created|updated|modified|changed|started|requested|deleted|approved|assigned|reviewed|submitted)_?by|(?:first|last|full|real|given|family|sur)[_-]?name|account[_-]?name|owner(?:[_-]?name)?)[\"'\\\\]{0,2}(?:=| ?[=:] )[\"'\\\\<]{0,2}" USER_NAME "(?![\\w(=\\[])", scrub_check_user},
	{SCRUB_user, "user", ":=", "new ", "\\bnew (?:user|group): name=" USER_NAME, scrub_check_user},
	{SCRUB_user, "user", "=0(", "uid=|gid=", "\\b[ug]id=\\d{1,10}\\(" USER_NAME "\\)", scrub_check_user},
	{SCRUB_user, "user", "ID=\"", "id=", "(?<![a-z])[A-Z]{0,4}[UG]ID=\"" USER_NAME "\"", scrub_check_user},
	{SCRUB_user, "user", " ", "user", "\\b(?i:(?:for|of|by|as|invalid|illegal|unknown|authenticating|from) user) [\"'`]?" USER_NAME "(?=[\"'`]?(?:$|[(@,;:\\]]| \\(uid=|\\.$|\\.? (?:by|from|on|at|in|port|\\d|[0-9a-f]{0,4}:)))", scrub_check_user},
	{SCRUB_user, "user", " ", "accepted|failed|postponed", "\\b(?:Accepted|Failed|Postponed) [\\w/-]{1,40} for (?:(?:invalid|illegal) user )?" USER_NAME "(?= from )", scrub_check_user},
	{SCRUB_user, "user", " ", "role|user|owner|login|authentication of|account|member", "\\b(?i:role|user(?:name)?|owner|login|account|member|authentication of)(?: name)? [\"'`\\[\\\\]{1,2}" USER_NAME "(?=[\"'`@\\]\\\\])", scrub_check_user},
	{SCRUB_user, "user", " ", "user ", "\\b(?i:user) " USER_NAME "(?=:? (?:logged|authentication failure|signed|authenticated|connected|disconnected|not found|does not exist|failed))", scrub_check_user},
	{SCRUB_user, "user", "[", NULL, "^\\S{1,255} \\S{1,64} ([^\\s\\[\"<-][^\\s\\[\"]{0,64})(?= \\[\\d\\d/[A-Z][a-z]{2}/\\d{4}:)", scrub_check_user},
	{SCRUB_user, "user", "sudo:", "sudo", "\\bsudo(?:\\[\\d{1,10}\\])?: {1,8}" USER_NAME "(?= : )", scrub_check_user},
	{SCRUB_user, "user", "([", "cron", "\\b(?:CRON|crond?|crontab|anacron|atd)\\[\\d{1,10}\\]: \\(" USER_NAME "\\) ", scrub_check_user},
	{SCRUB_user, "user", "()", "replace|list|edit|delete", "\\) (?:REPLACE|LIST|DELETE|BEGIN EDIT|END EDIT) \\(" USER_NAME "\\)", scrub_check_user},
	{SCRUB_user, "user", "(", "(to ", "\\(to " USER_NAME "\\) [\\w.\\$-]{1,64} on ", scrub_check_user},
	{SCRUB_user, "user", "su:(", "su:|su[", "\\bsu(?:\\[\\d{1,10}\\])?: \\(to [\\w.:<>-]{1,64}\\) " USER_NAME "(?= on )", scrub_check_user},
	{SCRUB_user, "user", "(=", "by ", "\\bby " USER_NAME "(?=\\(uid=)", scrub_check_user},
	{SCRUB_user, "user", " ", "password|login", "\\b(?:password (?:changed|check failed) for|FAILED LOGIN .{1,64} FOR|ROOT LOGIN BY) (?:user )?[('\"]{0,2}" USER_NAME, scrub_check_user},
	{SCRUB_user, "user", "@", NULL, "(?<![\\w.$-])[\"'`]?([\\w.$-]{2,64})[\"'`]?@(?![\\d:]{8}(?!:))(?=[\"'`]?(?:localhost\\b|<ip:|\\d{1,3}(?:\\.\\d{1,3}){3}(?!\\w)|\\[?[0-9a-fA-F]{1,4}:[0-9a-fA-F:]{2}))", scrub_check_user},
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

	/* more users: by the words around them */
	{SCRUB_user, "user", "(,", NULL, "\\(" USER_NAME "(?=,\\s?" ADDRESS ")", scrub_check_user},
	{SCRUB_user, "user", " <", NULL, "(?<![\\w<])" PERSON "(?=[\"']? <(?:sips?:|" MAIL "))"},
	{SCRUB_user, "user", "=><", NULL, "=> " USER_NAME "(?= <)", scrub_check_user},
	{SCRUB_user, "user", " ", "by user ", "\\bby user " PERSON},
	{SCRUB_user, "user", ":", "user:", "\\bUser:" USER_NAME "(?![\\w(=\\[:])", scrub_check_user},
	{SCRUB_user, "user", "<>", "user|login|account", "\\b(?i:user(?:name)?|login|account)(?:=| )<([^<>\\s:]{1,64}:?[^<>\\s]{1,64})>", scrub_check_user},
	{SCRUB_user, "user", ":", "user|account|login|auth", "\\b(?i:(?:user|account|log[io]n|authentication|auth)(?: (?:not found|failed|failure|unknown|rejected|denied|locked|disabled|succeeded|successful))|(?:unknown|invalid|no such|locked|disabled|bad) (?:user|account|login)(?: name)?): [\"'`]?" USER_NAME "(?=[\"'`]?(?:$|[\\s,;)\"\\\\]))", scrub_check_actor},
	{SCRUB_user, "user", "@:", NULL, "(?<![\\w.@])@([a-z0-9][\\w.=/-]{0,63}):(?=[a-z0-9.-]{1,255}\\.[a-z]{2,24}\\b)", scrub_check_user},
	{SCRUB_user, "user", " ", " as ", "\\b(?i:connected|connection|login|logged in|authenticated|signed in)(?: opened)?(?: from \\S{1,64})? as (?:user )?[\"'`]?" USER_NAME "(?=[\"'`]?(?:$|[\\s,;.)]))", scrub_check_actor},
	{SCRUB_user, "user", " ", " logged | signed | authenticated", "(?<![^\\s\\]>:\"'(])" USER_NAME "(?=[\"')]? (?:logged (?:in|out|on|off)|signed (?:in|out)|authenticated)\\b)", scrub_check_actor},
	{SCRUB_user, "user", "@", NULL, "(?<![\\w.$/@-])([a-z][\\w.-]{1,63})@(?=[A-Za-z][a-z0-9]{0,31}(?:-[a-z0-9]{1,31}|\\d)[a-z0-9-]{0,31}(?![\\w.@]))", scrub_check_user},
	{SCRUB_user, "user", "", "customer|contact|recipient|sender|employee|patient|student|assignee|reporter", "\\b(?i:customer|contact|recipient|sender|employee|patient|student|assignee|reporter)(?i:[_ -]?name)?[\"']?(?:=|: ?)[\"']?" PERSON},
	{SCRUB_user, "user", " ", " for ", "\\b(?i:attempts?|session|login|request) for (?:user |account )?[\"'`]?" USER_NAME "(?=[\"'`]? from\\b)", scrub_check_actor},
	{SCRUB_user, "user", " ", "username ", "\\b(?i:user ?name) [\"'`]?" USER_NAME "(?=[\"'`]? (?:and|or|from|not|does|already)\\b)", scrub_check_actor},
	{SCRUB_user, "user", "()", " from ", "\\(" USER_NAME "\\)(?= from <?" ADDRESS ")", scrub_check_actor},
	{SCRUB_user, "user", " ", "running as ", "\\b[Rr]unning as (?:user )?[\"'`]?" USER_NAME, scrub_check_user},
	{SCRUB_user, "user", " ", " by ", "\\b(?i:started|rebuilt|added|created|deleted|removed|approved|requested|submitted|queued|uploaded|triggered|locked|unlocked|edited|login on \\S{1,32})(?: on \"[^\"\\r\\n]{1,60}\")? (?i:by) (?i:user )?[\"'`]?" USER_NAME "(?=[\"'`]?(?:$|[.,;)\\s]))", scrub_check_actor},
	{SCRUB_user, "user", "'", "add|delete|remove|lock|user", "\\b(?:add|added|delete|deleted|remove|removed|lock|unlock|changed?) (?:user )?'" USER_NAME "'(?= (?:to|from) (?:shadow )?group| information)", scrub_check_user},
	{SCRUB_user, "user", " ", "user ", "\\b(?i:user) " USER_NAME "(?= (?:(?:added|removed) by|\\((?:id|uid)[:= ]|tried|attempted|created|deleted|updated))", scrub_check_user},
	{SCRUB_user, "user", " ", "user ", "\\b[Uu]ser " USER_NAME "(?= (?:has|is|was|joined|left|registered|requested|exceeded|successfully|accessed|uploaded|downloaded|changed|added|removed|granted|denied|locked)\\b)", scrub_check_actor},
	{SCRUB_user, "user", "=", "uid=", "\\buid=" USER_NAME "(?=[\\s,;)]|$)", scrub_check_user},
	{SCRUB_user, "user", "@:", NULL, "(?<![\\w.$/-])([a-z][\\w.-]{1,63})@(?=[A-Za-z][\\w-]{0,62}:[/~])", scrub_check_user},
	{SCRUB_user, "user", ":", "unix-user:", "\\bunix-user:" USER_NAME, scrub_check_user},
	{SCRUB_user, "user", "[]", " ok | fail ", "(?<=\\] )\\[" USER_NAME "\\](?= (?:OK|FAIL) [A-Z])", scrub_check_user},
	{SCRUB_user, "user", " USER", "user ", "\\bUSER ([a-z][\\w.-]{1,63})(?=:|\\s{0,3}$)", scrub_check_user},
	{SCRUB_user, "user", "(=)", "(uid=|(cn=|(sama|(memberuid=|(userprin", "\\((?i:uid|cn|samaccountname|memberuid|userprincipalname)=([^()*,\\r\\n]{2,64})\\)", scrub_check_user},
	{SCRUB_user, "user", "[L", "login ", "\\bLogin (?:OK|incorrect)[^\\[\\r\\n]{0,200}\\[([^\\]/\\s<]{2,64})", scrub_check_user},
	{SCRUB_user, "user", "[]0", NULL, "^[\\w.-]{1,127} " USER_NAME "(?= \\d{1,10} \\[\\d\\d/[A-Z][a-z]{2}/\\d{4}:)", scrub_check_user},
	{SCRUB_user, "user", " ", " for ", "\\b(?i:log[io]n|log-?on|sign-?in|authentication|authorization|auth|password|session|access)(?: (?i:attempt|request|check|has|was|is)){0,2} (?i:failed|failure|succeeded|successful|success|denied|rejected|refused|granted|opened|closed|expired|changed|reset) for (?:user |account )?[\"'`]?" USER_NAME "(?=[\"'`]?(?:$|[,;:)]|\\.?(?: (?:from|at|via|by|on|using|with|due|because|in)\\b|$)))", scrub_check_user},

	/* hosts: the column of syslog, and where the text says that a word is one */
	{SCRUB_hostname, "host", ":", NULL, "^(?:<\\d{1,3}>)?(?:1 )?" STAMP " ([A-Za-z0-9][\\w.-]{0,254})(?= [\\w/.@()\\]-]{1,64}(?:\\[\\d{1,10}\\](?:\\([a-z]{1,16}\\))?:? |: ))", scrub_check_host},
	{SCRUB_hostname, "host", "[].", NULL, "^(?:<\\d{1,3}>)?" STAMP " \\S{1,255} [\\w/.@-]{1,64}\\[\\d{1,10}\\] " FULL_NAME "(?=:? |:$)", scrub_check_host},
	{SCRUB_hostname, "host", "", "host|server|node|workstation|computer|machine|peer", "(?i)(?<![a-z])(?:(?:r|remote[_-]?|client[_-]?|peer[_-]?)?host(?:[_-]?name)?|server[_-]?name|node[_-]?name|workstation(?:[_-]?name)?|computer[_-]?name|machine[_-]?name|peer[_-]?name)[\"'\\\\]{0,2}(?:=|: ?)[\"'\\\\]{0,2}([a-z0-9](?:[\\w.-]{0,250}[a-z0-9])?)", scrub_check_host},
	{SCRUB_hostname, "host", "[]", NULL, "(?i)(?<![\\w.-])[a-z0-9][\\w.-]{1,250}(?=\\[(?:(?:\\d{1,3}\\.){3}\\d{1,3}|ipv6:|[0-9a-f]{1,4}:[0-9a-f]{0,4}:)[^\\]\\s]{0,64}\\])", scrub_check_host},
	{SCRUB_hostname, "host", "DHCP", "dhcp", "\\bDHCP[A-Z]{3,9}\\(\\S{1,32}\\) \\S{1,64} \\S{1,64} ([\\w.-]{1,255})", scrub_check_host},
	{SCRUB_hostname, "host", "(:", "(ipv", "(?<![\\w.-])([\\w.-]{1,255})(?= \\(ipv[46]:)", scrub_check_host},
	{SCRUB_hostname, "host", "=<>", "helo=", "\\bhelo=<([^>\\s]{1,255})>", scrub_check_host},
	{SCRUB_hostname, "host", "[", NULL, "[=(]\\(?" HOST_NAME "(?=\\)?,? ?\\[" ADDRESS ")", scrub_check_host},
	{SCRUB_hostname, "host", "[.", NULL, "(?<![\\w.@-])" FULL_NAME "(?=\\)? \\[" ADDRESS ")", scrub_check_host},
	{SCRUB_hostname, "host", "=,", "arg1=", "\\barg1=" FULL_NAME "(?=,)", scrub_check_host},
	{SCRUB_hostname, "host", ":(", NULL, "(?:<mac:[0-9a-f]{6}>|(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}) \\(" HOST_NAME "\\)(?= via )", scrub_check_host},
	{SCRUB_hostname, "host", "", "host|server|machine|computer|node|agent|identity|peer|endpoint|broker|member", "(?i)\\b(?:hostname|mailserver|server|host|machine|computer|node|agent|identity|peer|endpoint|broker|member)(?:=| (?:is |to |named )?)[\"'`](?=[\\w.-]{0,200}?[.\\d-])" HOST_NAME "[\"'`]", scrub_check_host},
	{SCRUB_hostname, "host", "@:", NULL, "@(?!github\\b|gitlab\\b)([A-Za-z][\\w-]{0,62})(?=:[/~])", scrub_check_host},
	{SCRUB_hostname, "host", " ", "host |node |server |machine |agent |worker |peer |broker ", "\\b(?:on|from|to|by|for|at|of) (?:host|node|server|machine|agent|worker|peer|broker) (?!v\\d)(?=[\\w.-]{0,200}?[\\d.-]\\w)([A-Za-z][\\w.-]{0,250}\\w)(?=[\\s,;:.)]|$)", scrub_check_host},
	{SCRUB_hostname, "host", ":", "instance", "(?i)\\binstance[\"']?(?:=|: ?)[\"']?(?!v\\d)([a-z][\\w.-]{0,250})(?=:\\d{2,5}\\b)", scrub_check_host},
	{SCRUB_hostname, "host", "@", NULL, "(?<=[\\w.-]@)(?!from-)([A-Za-z][a-z0-9]{0,31}(?:-[a-z0-9]{1,31}|\\d)[a-z0-9-]{0,31})(?![\\w.@])", scrub_check_host},
	{SCRUB_hostname, "host", "(.", NULL, "(?<![\\w.@\"'-])" FULL_NAME "(?= \\(" ADDRESS ")", scrub_check_host},
	{SCRUB_hostname, "host", " ", "client |peer |host |node |device |station |broker |worker |member |agent |server ", "\\b(?i:client|peer|host|node|device|station|broker|worker|member|agent|server) (?!v\\d|ip-\\d)(?=[\\w.-]{0,200}?[\\d.-]\\w)([A-Za-z][\\w.-]{0,250}\\w)(?=:? (?:has|is|was|disconnected|connected|reconnected|closed|joined|left|timed|failed|went|unreachable|not)\\b)", scrub_check_host},
	{SCRUB_hostname, "host", " ", "hostname ", "(?i)\\bhostname,? (?:is )?(?=[\\w.-]{0,200}?[\\d.-]\\w)([a-z][\\w.-]{0,250}\\w)", scrub_check_host},
	{SCRUB_hostname, "host", " ", " as ", "\\b(?:connected|connection) from \\S{1,64} as (?=[\\w.-]{0,200}?[\\d.-]\\w)([A-Za-z][\\w.-]{0,250}\\w)(?= \\()", scrub_check_host},
	{SCRUB_hostname, "host", " ", "remotely on ", "\\b[Rr]emotely on " HOST_NAME, scrub_check_host},
	{SCRUB_hostname, "host", " ", "with pid ", " on " HOST_NAME "(?= with PID \\d)", scrub_check_host},
	{SCRUB_hostname, "host", "[]:", "ok|changed|fatal|failed|skipping|unreachable|included", "^(?:ok|changed|fatal|failed|skipping|unreachable|included): \\[" HOST_NAME "\\]", scrub_check_host},
	{SCRUB_hostname, "host", ":=", "ok=", "^" HOST_NAME "(?=\\s{1,60}: ok=\\d)", scrub_check_host},
	{SCRUB_hostname, "host", ".", ".local|.internal|.corp|.lan|.intranet|home.arpa", "(?i)(?<![\\w.-])(?=[a-z0-9.-]{0,100}?[0-9-])(?:[a-z0-9](?:[a-z0-9-]{0,62})\\.){1,6}(?:local|internal|corp|lan|intranet|localdomain|home\\.arpa)(?![\\w.$(-]|:\\w*[a-z])", scrub_check_host},
};
/* clang-format on */
const size_t scrub_n_rules = sizeof(scrub_rules) / sizeof(scrub_rules[0]);
