"""What programs may send to journald, byte for byte: the wire cases, as data.  sending.py sends them,
differential_test.py compares what two daemons make of them.

A case is what one process sends to one socket.  Its name begins with the socket's.
"""

import dataclasses
import struct


@dataclasses.dataclass(frozen=True)
class Passed:
    """A message with file descriptors.  `what` says how they are made: sealed, unsealed, half_sealed (a memfd);
    /tmp, /var/tmp, /dev/shm, subdirectory, elsewhere, deleted, read_write (a file); path_only (O_PATH), pipe, directory,
    device, socket."""

    what: str
    content: bytes = b""
    payload: bytes = b""
    count: int = 1


@dataclasses.dataclass(frozen=True)
class Two:
    """On a stream: the first part by the process itself, the second by a child of it."""

    first: bytes
    second: bytes


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    messages: tuple
    sender: str = ""  # "nobody" or "root", where it matters.

    @property
    def socket(self):
        return self.name.split("/")[0]


def cases_of(socket, rows, sender=""):
    """A row is a name and a message, or a tuple of them."""
    return [Case(f"{socket}/{name}", sent if isinstance(sent, tuple) else (sent,), sender) for name, sent in rows]


def binary(name, value):
    return name + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"


def fields(count):
    return b"".join(b"F%04d=%d\n" % (number, number) for number in range(count))


M = b"MESSAGE=m\n"
USUAL = (
    b"MESSAGE=GET /index.html 200\nPRIORITY=5\nSYSLOG_IDENTIFIER=web\nCODE_FILE=web.c\nCODE_LINE=17\nCODE_FUNC=serve\n"
)

JOURNAL_VALUES = [
    ("usual", USUAL),
    ("message-alone", M),
    ("no-message", b"PRIORITY=4\nX=1\n"),
    ("empty-message", b"MESSAGE=\nX=1\n"),
    ("empty-datagram", b""),
    ("value-empty", M + b"X=\n"),
    ("value-with-equals", M + b"X=a=b==c\n"),
    ("value-with-spaces", b"MESSAGE=  m  \nX= \nY=\ta\t\n"),
    ("value-with-cr", b"MESSAGE=m\r\nX=1\r\n"),
    ("value-with-controls", b"MESSAGE=\x1b[1mm\x07\nX=\x01\x7f\n"),
    ("value-utf8", b"MESSAGE=gr\xc3\xbc\xc3\x9fe \xe2\x82\xac \xf0\x9f\x98\x80\n"),
    ("value-not-utf8", b"MESSAGE=a\xff\xfeb\nX=\xc3\n"),
    ("value-with-nul", b"MESSAGE=a\0b\nX=\0\n"),
    ("binary-value", M + binary(b"X", b"plain")),
    ("binary-message-of-lines", binary(b"MESSAGE", b"one\ntwo\n\nthree") + b"X=1\n"),
    ("binary-ends-with-lf", binary(b"MESSAGE", b"m\n") + binary(b"X", b"\n")),
    ("binary-empty", M + binary(b"X", b"")),
    ("binary-all-bytes", M + binary(b"X", bytes(range(256)))),
    ("binary-looks-like-fields", M + binary(b"X", b"Y=1\n\nMESSAGE=other\n")),
    ("binary-priority-and-identifier", M + binary(b"PRIORITY", b"3") + binary(b"SYSLOG_IDENTIFIER", b"web")),
    ("long-value", b"MESSAGE=" + b"m" * 60_000 + b"\n"),
    ("long-binary-value", M + binary(b"X", b"0123456789abcde\n" * 9000)),
    ("long-identifier", M + b"SYSLOG_IDENTIFIER=" + b"i" * 300 + b"\n"),
    ("several-datagrams", (M, b"MESSAGE=n\n", b"MESSAGE=o\n")),
]

JOURNAL_ENTRIES = [
    ("two-entries", b"MESSAGE=a\nX=1\n\nMESSAGE=b\nY=2\n"),
    ("three-entries-with-binary", binary(b"MESSAGE", b"a\n\nb") + b"\n" + M + b"\n" + b"MESSAGE=c\n\n"),
    ("separator-twice", b"MESSAGE=a\n\n\nMESSAGE=b\n"),
    ("separator-first", b"\nMESSAGE=a\n"),
    ("separator-alone", b"\n\n\n"),
    ("separator-last", b"MESSAGE=a\n\n"),
    ("separator-behind-no-valid-field", b"MESSAGE=a\n\nlower=1\n\nMESSAGE=b\n"),
    ("separator-behind-comments", b"MESSAGE=a\n\n#c\n\nMESSAGE=b\n"),
    ("comment-lines", b"#a=1\nMESSAGE=m\n# no field\n.command\n.X=2\n"),
    ("comments-only", b"#a\n.b\n"),
    ("damaged-second-entry", b"MESSAGE=a\n\nMESSAGE=b\nX=1"),
]

JOURNAL_NAMES = [
    ("name-lower-case", M + b"lower=1\nX=2\n"),
    ("name-mixed-case", M + b"Mixed=1\nX=2\n"),
    ("name-with-digits", M + b"A1=1\nX_2_=2\n"),
    ("name-digit-first", M + b"1A=1\nX=2\n"),
    ("name-of-one-letter", M + b"A=1\n"),
    ("name-of-64", M + b"N" * 64 + b"=1\n"),
    ("name-of-65", M + b"N" * 65 + b"=1\nX=2\n"),
    ("name-underscore-first", M + b"_PID=1\n_UID=0\n_COMM=other\n_TRANSPORT=kernel\n"),
    ("name-two-underscores", M + b"__CURSOR=1\n__REALTIME_TIMESTAMP=1\nX=2\n"),
    ("name-underscore-only", M + b"_=1\nX=2\n"),
    ("name-underscore-last", M + b"X_=1\n"),
    ("name-empty", M + b"=1\nX=2\n"),
    ("name-with-dash", M + b"A-B=1\nX=2\n"),
    ("name-with-dot", M + b"A.B=1\nX=2\n"),
    ("name-with-space", M + b"A B=1\n X=2\nY =3\n"),
    ("name-not-ascii", M + b"\xc3\x84=1\nX=2\n"),
    ("name-with-nul", M + b"A\0B=1\nX=2\n"),
    ("binary-name-lower-case", M + binary(b"lower", b"a\nb") + b"X=2\n"),
    ("binary-name-underscore", M + binary(b"_PID", b"1") + b"X=2\n"),
    ("binary-name-of-65", M + binary(b"N" * 65, b"1") + b"X=2\n"),
    ("invalid-names-only", b"lower=1\n_X=2\n"),
    ("value-twice", M + b"X=1\nX=1\n"),
    ("values-of-one-name", M + b"X=1\nX=2\nX=1\nX=3\n"),
    ("message-twice", b"MESSAGE=a\nMESSAGE=b\n"),
    ("priority-twice", M + b"PRIORITY=3\nPRIORITY=5\n"),
    ("identifier-twice", M + b"SYSLOG_IDENTIFIER=a\nSYSLOG_IDENTIFIER=b\n"),
    ("names-of-sluice", M + b"STREAM=a\nSEVERITY=b\nTIME=c\nTIMESTAMP=d\nLEVEL=e\nMSG=f\nPARSE_ERROR=g\n"),
    ("names-of-sluice-export", M + b"SLUICE_FIELDS=s:x\nSLUICE_STREAM=a\nSLUICE_TIME_NS=1\nSLUICE_ORIGIN=daemon\nX=1\n"),
    ("names-with-field-in-front", M + b"FIELD_X=1\nFIELD_MESSAGE=2\n"),
    ("fields-of-syslog", M + b"SYSLOG_FACILITY=3\nSYSLOG_PID=17\nSYSLOG_TIMESTAMP=Nov 20 12:00:00 \nSYSLOG_RAW=x\n"),
    ("fields-of-systemd", M + b"MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1\nUNIT=a.service\nERRNO=2\nTID=7\nDOCUMENTATION=man:a\n"),
]

JOURNAL_PRIORITIES = [
    *((f"priority-{number}", M + b"PRIORITY=%d\n" % number) for number in range(8)),
    ("priority-odd-8", M + b"PRIORITY=8\n"),
    ("priority-odd-9", M + b"PRIORITY=9\n"),
    ("priority-odd-10", M + b"PRIORITY=10\n"),
    ("priority-odd-name", M + b"PRIORITY=err\n"),
    ("priority-odd-empty", M + b"PRIORITY=\n"),
    ("priority-odd-space", M + b"PRIORITY= 3\n"),
    ("priority-odd-negative", M + b"PRIORITY=-1\n"),
    ("priority-odd-two-digits", M + b"PRIORITY=03\n"),
    ("facility-23", M + b"SYSLOG_FACILITY=23\nPRIORITY=3\n"),
    ("facility-name", M + b"SYSLOG_FACILITY=mail\n"),
    ("identifier-empty", M + b"SYSLOG_IDENTIFIER=\n"),
    ("identifier-path", M + b"SYSLOG_IDENTIFIER=/usr/bin/a\n"),
    ("identifier-with-slash", M + b"SYSLOG_IDENTIFIER=postfix/smtpd\n"),
    ("identifier-with-space", M + b"SYSLOG_IDENTIFIER=a b  c\n"),
    ("identifier-with-brackets", M + b"SYSLOG_IDENTIFIER=(systemd)[1]:\n"),
    ("identifier-utf8", M + b"SYSLOG_IDENTIFIER=gr\xc3\xbc\xc3\x9fe\n"),
    ("identifier-not-utf8", M + b"SYSLOG_IDENTIFIER=a\xff\n"),
    ("identifier-of-lines", M + binary(b"SYSLOG_IDENTIFIER", b"a\nb")),
    ("identifier-with-nul", M + b"SYSLOG_IDENTIFIER=a\0b\n"),
    ("identifier-dots", M + b"SYSLOG_IDENTIFIER=..\n"),
]

JOURNAL_DAMAGE = [
    ("damaged-no-last-lf", M + b"X=1\nY=2"),
    ("damaged-no-lf-at-all", b"MESSAGE=m"),
    ("damaged-no-equals-last", M + b"X\n"),
    ("damaged-no-equals-inside", M + b"X\nY=1\n"),
    ("damaged-length-cut", M + b"X\n\x05\0\0\0"),
    ("damaged-length-alone", M + b"X\n" + struct.pack("<Q", 5)),
    ("damaged-length-too-large", M + b"X\n" + struct.pack("<Q", 100) + b"abc\n"),
    ("damaged-length-too-small", M + b"X\n" + struct.pack("<Q", 2) + b"abc\nY=1\n"),
    ("damaged-length-of-768-mib", M + b"X\n" + struct.pack("<Q", (768 << 20) + 1) + b"abc\n"),
    ("damaged-length-of-2-63", M + b"X\n" + struct.pack("<Q", 1 << 63) + b"abc\n"),
    ("damaged-length-of-2-64", M + b"X\n" + struct.pack("<Q", (1 << 64) - 1) + b"abc\n"),
    ("damaged-binary-without-last-lf", M + b"X\n" + struct.pack("<Q", 3) + b"abc"),
    ("damaged-then-entry", M + b"X\n" + struct.pack("<Q", 2) + b"abc\n\nMESSAGE=n\n"),
    ("damaged-bytes", b"\x00\x01\x02\x03"),
    ("damaged-a-syslog-line", b"<13>Nov 20 12:00:00 tag[1]: m\n"),
    ("damaged-a-json-line", b'{"message": "m"}\n'),
    ("fields-1024", fields(1024)),
    ("fields-1025", fields(1025)),
    ("fields-1026", fields(1026)),
    ("fields-1026-then-entry", fields(1026) + b"\nMESSAGE=n\n"),
    ("invalid-fields-1100", M + b"".join(b"f%d=1\n" % number for number in range(1100))),
]

LARGE = b"PRIORITY=3\n" + binary(b"MESSAGE", b"0123456789abcde\n" * 18_750) + b"X=1\n"

JOURNAL_PASSED = [
    ("memfd-sealed", Passed("sealed", USUAL)),
    ("memfd-300-kb", Passed("sealed", LARGE)),
    ("memfd-two-entries", Passed("sealed", b"MESSAGE=a\n\nMESSAGE=b\n")),
    ("memfd-damaged", Passed("sealed", M + b"X=1")),
    ("memfd-zero-length", Passed("sealed")),
    ("memfd-fields-1026", Passed("sealed", fields(1026))),
    ("memfd-half-sealed", Passed("half_sealed", M)),
    ("memfd-unsealed", Passed("unsealed", M)),
    ("memfd-and-payload", Passed("sealed", M, b"MESSAGE=in the datagram\n")),
    ("memfd-two", Passed("sealed", M, count=2)),
    ("memfd-three", Passed("sealed", M, count=3)),
    ("memfd-two-and-payload", Passed("sealed", M, b"MESSAGE=in the datagram\n", 2)),
    ("memfd-then-datagram", (Passed("sealed", M), b"MESSAGE=n\n")),
    ("file-in-tmp", Passed("/tmp", M)),
    ("file-in-var-tmp", Passed("/var/tmp", M)),
    ("file-in-dev-shm", Passed("/dev/shm", M)),
    ("file-of-300-kb", Passed("/tmp", LARGE)),
    ("file-read-write", Passed("read_write", M)),
    ("file-deleted", Passed("deleted", M)),
    ("file-in-subdirectory", Passed("subdirectory", M)),
    ("file-elsewhere", Passed("elsewhere", M)),
    ("file-zero-length", Passed("/tmp")),
    ("file-path-only", Passed("path_only", M)),
    ("pipe", Passed("pipe", M)),
    ("directory", Passed("directory")),
    ("device", Passed("device")),
    ("socket", Passed("socket")),
]

# The vectors of systemd's src/journal/test-journald-syslog.c, behind a priority and without.
IDENTIFIERS = [
    b"pidu[111]: xxx", b"pidu: xxx", b"pidu:  xxx", b"pidu xxx", b"   pidu xxx", b"", b"  ", b":", b":  ", b" :",
    b"   pidu:", b"pidu:", b"pidu: ", b"pidu : ",
]  # fmt: skip
PRIORITIES = [b"<1>", b"<7>", b"<8>", b"<9>", b"<22>", b"<111>"]
NO_PRIORITIES = [b"<>", b"<>aaa", b"<aaaa>", b"<aaaa>aaa", b" <aaaa>", b" <aaaa>aaa", b" <1>"]

SYSLOG_VECTORS = [
    *((f"identifier-{number}", b"<14>" + text) for number, text in enumerate(IDENTIFIERS)),
    *((f"no-pri-identifier-{number}", text) for number, text in enumerate(IDENTIFIERS) if text.strip()),
    *((f"priority-{number}", text) for number, text in enumerate(PRIORITIES)),
    *((f"priority-message-{number}", text + b"tag: m") for number, text in enumerate(PRIORITIES)),
    *((f"no-pri-vector-{number}", text) for number, text in enumerate(NO_PRIORITIES)),
    *((f"no-pri-vector-message-{number}", text + b"tag: m") for number, text in enumerate(NO_PRIORITIES)),
]

T = b"Nov 20 12:00:00 "
SYSLOG_PRIORITIES = [
    ("usual", b"<13>" + T + b"tag[1]: m"),
    ("pri-0", b"<0>" + T + b"tag: m"),
    ("pri-kern-debug", b"<7>" + T + b"tag: m"),
    ("pri-191", b"<191>" + T + b"tag: m"),
    ("no-pri-192", b"<192>" + T + b"tag: m"),
    ("no-pri-999", b"<999>" + T + b"tag: m"),
    ("no-pri-1000", b"<1000>" + T + b"tag: m"),
    ("no-pri-1000-word", b"<1000>y07: m"),
    ("pri-leading-zero", b"<013>" + T + b"tag: m"),
    ("pri-two-zeros", b"<00>" + T + b"tag: m"),
    ("no-pri-unclosed", b"<13 " + T + b"tag: m"),
    ("no-pri-unclosed-end", b"<13"),
    ("no-pri-space-inside", b"<13 >tag: m"),
    ("no-pri-space-first", b"< 13>tag: m"),
    ("no-pri-sign", b"<-1>tag: m"),
    ("no-pri-plus", b"<+1>tag: m"),
    ("no-pri-letter", b"<1a>tag: m"),
    ("no-pri-unopened", b"13>tag: m"),
    ("pri-alone-lf", b"<13>\n"),
    ("pri-twice", b"<13><11>tag: m"),
    ("pri-then-space", b"<13> tag: m"),
    ("no-pri-but-time-and-tag", T + b"tag: m"),
    ("no-pri-text", b"just text"),
]

SYSLOG_TIMES = [
    ("time-one-digit-day", b"<13>Nov  5 02:00:00 tag: m"),
    ("time-one-digit-hour", b"<13>Nov  5  2:00:00 tag: m"),
    ("time-bad-hour", b"<13>Nov  5 2:00:00 tag: m"),
    ("time-leap-second", b"<13>Jun 30 23:59:60 tag: m"),
    ("time-no-such-month", b"<13>Abc 99 99:99:99 tag: m"),
    ("time-lower-case", b"<13>nov 20 12:00:00 tag: m"),
    ("time-alone", b"<13>Nov 20 12:00:00"),
    ("time-alone-space", b"<13>Nov 20 12:00:00 "),
    ("time-bad-end", b"<13>Nov 20 12:00:00tag: m"),
    ("time-two-spaces-behind", b"<13>Nov 20 12:00:00  tag: m"),
    ("time-space-in-front", b"<13> Nov 20 12:00:00 tag: m"),
    ("time-bad-year", b"<13>Nov 20 2026 12:00:00 tag: m"),
    ("time-bad-fraction", b"<13>Nov 20 12:00:00.123 tag: m"),
    ("host-like-zone", b"<13>Nov 20 12:00:00 UTC tag: m"),
    ("iso-time", b"<13>2026-11-20T12:00:00+01:00 tag: m"),
    ("host-after-iso-time", b"<13>2026-11-20T12:00:00.123456+01:00 host tag[1]: m"),
    ("time-bad-cut", b"<13>Nov 20 12:0"),
    ("host-usual", b"<13>" + T + b"host tag[1]: m"),
    ("host-name-dots", b"<13>" + T + b"host.example.org tag: m"),
    ("host-ipv6", b"<13>" + T + b"::1 tag: m"),
    ("twice", b"<13>" + T + T + b"tag: m"),
]

SYSLOG_TAGS = [
    ("tag", b"<13>" + T + b"tag: m"),
    ("tag-pid-word", b"<13>" + T + b"tag[abc]: m"),
    ("tag-pid-empty", b"<13>" + T + b"tag[]: m"),
    ("tag-pid-zero", b"<13>" + T + b"tag[0]: m"),
    ("tag-pid-large", b"<13>" + T + b"tag[4294967296]: m"),
    ("tag-pid-negative", b"<13>" + T + b"tag[-1]: m"),
    ("tag-pid-twice", b"<13>" + T + b"tag[1][2]: m"),
    ("tag-pid-space", b"<13>" + T + b"tag[1 2]: m"),
    ("tag-pid-unclosed", b"<13>" + T + b"tag[1: m"),
    ("tag-pid-unopened", b"<13>" + T + b"tag1]: m"),
    ("tag-pid-alone", b"<13>" + T + b"[1]: m"),
    ("tag-pid-no-colon", b"<13>" + T + b"tag[1] m"),
    ("tag-no-space-behind", b"<13>" + T + b"tag:m"),
    ("tag-pid-no-space-behind", b"<13>" + T + b"tag[1]:m"),
    ("tag-two-spaces-behind", b"<13>" + T + b"tag:  m"),
    ("tag-tab-behind", b"<13>" + T + b"tag:\tm"),
    ("tag-lf-behind", b"<13>" + T + b"tag:\nm"),
    ("tag-no-colon", b"<13>" + T + b"tag m"),
    ("tag-alone", b"<13>" + T + b"tag:"),
    ("tag-path", b"<13>" + T + b"/usr/bin/a[3]: m"),
    ("tag-slash", b"<13>" + T + b"postfix/smtpd[3]: m"),
    ("tag-brackets", b"<13>" + T + b"(systemd)[1]: m"),
    ("tag-dots-and-dashes", b"<13>" + T + b"a.b-c_d@1[1]: m"),
    ("tag-colons", b"<13>" + T + b"a:b:c: m"),
    ("tag-utf8", b"<13>" + T + b"gr\xc3\xbc\xc3\x9fe: m"),
    ("tag-not-utf8", b"<13>" + T + b"a\xff: m"),
    ("tag-of-300", b"<13>" + T + b"t" * 300 + b"[1]: m"),
    ("tag-no-time", b"<13>tag[1]: m"),
]

SYSLOG_TEXT = [
    ("nul-last", b"<13>" + T + b"tag: m\0"),
    ("nul-twice-last", b"<13>" + T + b"tag: m\0\0"),
    ("nul-inside", b"<13>" + T + b"tag: a\0b"),
    ("no-pri-nul-first", b"\0<13>" + T + b"tag: m"),
    ("nul-in-tag", b"<13>" + T + b"t\0ag: m"),
    ("blank-nul", b"\0"),
    ("lf-last", b"<13>" + T + b"tag: m\n"),
    ("lf-twice-last", b"<13>" + T + b"tag: m\n\n"),
    ("lf-nul-last", b"<13>" + T + b"tag: m\n\0"),
    ("nul-lf-last", b"<13>" + T + b"tag: m\0\n"),
    ("crlf-last", b"<13>" + T + b"tag: m\r\n"),
    ("spaces-last", b"<13>" + T + b"tag: m  "),
    ("tab-last", b"<13>" + T + b"tag: m\t"),
    ("lf-inside", b"<13>" + T + b"tag: one\ntwo\n\nthree"),
    ("no-pri-lf-first", b"\n<13>" + T + b"tag: m"),
    ("no-pri-blank-first", b" <13>" + T + b"tag: m"),
    ("blank-lf", b"\n"),
    ("blank-spaces", b"   "),
    ("spaces-message", b"<13>" + T + b"tag:    "),
    ("controls", b"<13>" + T + b"tag: \x1b[1mm\x07\x01"),
    ("utf8", b"<13>" + T + b"tag: gr\xc3\xbc\xc3\x9fe \xf0\x9f\x98\x80"),
    ("not-utf8", b"<13>" + T + b"tag: a\xff\xfe"),
    ("bom", b"<13>" + T + b"tag: \xef\xbb\xbfm"),
    ("no-pri-octet-count", b"29 <13>" + T + b"tag[1]: m"),
    ("json", b'<13>' + T + b'tag: {"level": "error", "n": 1}'),
    ("cee", b'<13>' + T + b'tag: @cee:{"n": 1}'),
    ("of-2-kb", b"<13>" + T + b"tag: " + b"m" * 2048),
    ("of-100-kb", b"<13>" + T + b"tag: " + b"0123456789" * 10_000),
    ("of-100-kb-lines", b"<13>" + T + b"tag: " + b"0123456789abcde\n" * 6000),
    ("several", tuple(b"<13>" + T + b"tag[%d]: m%d" % (number, number) for number in range(20))),
    ("empty-datagram", b""),
    ("no-pri-journal-entry", USUAL),
    ("fd", Passed("sealed", M, b"<13>" + T + b"tag: m")),
    ("fd-alone", Passed("sealed", M)),
]

V1 = b"<165>1 2026-11-20T12:00:00.003+01:00 "
SYSLOG_5424 = [
    ("5424-usual", V1 + b"host.example.org app 1234 ID47 - m"),
    ("5424-all-nil", b"<13>1 - - - - - - m"),
    ("5424-no-message", V1 + b"host app 1 ID -"),
    ("5424-data", V1 + b'host app 1 ID [a@32473 x="1" y="two"] m'),
    ("5424-two-elements", V1 + b'host app 1 ID [a@32473 x="1"][b x="2" z=""] m'),
    ("5424-escapes", V1 + b'host app 1 ID [a x="q\\"b\\\\c\\]d" y="\\n"] m'),
    ("5424-element-without-parameters", V1 + b"host app 1 ID [a] m"),
    ("5424-parameter-twice", V1 + b'host app 1 ID [a x="1" x="2"] m'),
    ("5424-bom", V1 + b"host app 1 ID - \xef\xbb\xbfgr\xc3\xbc\xc3\x9fe"),
    ("5424-time-quality", b'<13>1 2026-11-20T12:00:00.000001+01:00 host logger - - [timeQuality tzKnown="1" isSynced="0"] m'),
    ("5424-utc-no-fraction", b"<13>1 2026-11-20T12:00:00Z host app - - - m"),
    ("bad-5424-no-such-time", b"<13>1 2026-13-40T12:00:00Z host app - - - m"),
    ("5424-version-2", b"<13>2 2026-11-20T12:00:00Z host app - - - m"),
    ("bad-5424-cut", b"<13>1 2026-11-20T12:00:00Z host"),
    ("bad-5424-data-unclosed", V1 + b'host app 1 ID [a x="1" m'),
    ("5424-lines", V1 + b"host app 1 ID - one\ntwo\n"),
    ("5424-pid-word", V1 + b"host app main ID - m"),
]

H = b"web\n\n6\n1\n0\n0\n0\n"


def header(identifier=b"web", unit=b"", priority=b"6", prefix=b"1", forward=b"0\n0\n0"):
    return b"\n".join([identifier, unit, priority, prefix, forward]) + b"\n"


STDOUT_HEADERS = [
    ("usual", H + b"one\ntwo\n"),
    ("header-alone", H),
    ("nothing", ()),
    ("bad-header-cut", b"web\n\n6\n1\n0\n"),
    ("bad-header-cut-line", b"web\n\n6\n1\n0\n0\n0"),
    ("header-no-identifier", header(b"") + b"m\n"),
    ("header-identifier-spaces", header(b"  a b  ") + b"m\n"),
    ("header-identifier-path", header(b"/usr/bin/a") + b"m\n"),
    ("header-identifier-utf8", header(b"gr\xc3\xbc\xc3\x9fe") + b"m\n"),
    ("header-unit", header(unit=b"a.service") + b"m\n"),
    *((f"header-priority-{number}", header(priority=b"%d" % number) + b"m\n") for number in (0, 7, 8, 14, 30, 191, 999)),
    ("bad-header-priority-1000", header(priority=b"1000") + b"m\n"),
    ("bad-header-priority-negative", header(priority=b"-1") + b"m\n"),
    ("bad-header-priority-word", header(priority=b"info") + b"m\n"),
    ("bad-header-priority-empty", header(priority=b"") + b"m\n"),
    ("header-priority-spaces", header(priority=b" 3 ") + b"m\n"),
    ("header-priority-zeros", header(priority=b"003") + b"m\n"),
    *((f"header-prefix-{word.decode()}", header(prefix=word) + b"<3>m\n")
      for word in (b"0", b"yes", b"no", b"true", b"false", b"on", b"off", b"y")),
    *((f"bad-header-prefix-{word.decode()}", header(prefix=word) + b"<3>m\n") for word in (b"2", b"maybe")),
    ("bad-header-prefix-empty", header(prefix=b"") + b"<3>m\n"),
    ("header-forward-words", header(forward=b"no\nfalse\noff") + b"m\n"),
    ("bad-header-forward", header(forward=b"0\nmaybe\n0") + b"m\n"),
    ("spaces-last-cr-header", H.replace(b"\n", b"\r\n") + b"m\r\n"),
    ("bad-header-nul", H.replace(b"\n", b"\0") + b"m\n"),
    ("header-byte-by-byte", tuple(bytes([byte]) for byte in H + b"m\n")),
    ("header-long-identifier", header(b"i" * 300) + b"m\n"),
]

STDOUT_LINES = [
    ("no-last-lf", H + b"one\ntwo"),
    ("empty-lines", H + b"\none\n\n\ntwo\n"),
    ("space-lines", H + b" \none\n\t \n"),
    ("spaces-first", H + b"  one\n\ttwo\n"),
    ("spaces-last", H + b"one  \ntwo\t\n"),
    ("spaces-last-cr", H + b"one\r\ntwo\r\n"),
    ("cr-inside", H + b"one\rtwo\n"),
    ("controls", H + b"\x1b[1mone\x1b[0m\x07\n"),
    ("utf8", H + b"gr\xc3\xbc\xc3\x9fe \xf0\x9f\x98\x80\n"),
    ("not-utf8", H + b"a\xff\xfe\n"),
    ("nul-breaks", H + b"one\0two\0"),
    ("nul-and-lf", H + b"one\0\ntwo\n"),
    ("nul-alone", H + b"\0"),
    ("nul-last-part", H + b"one\0two"),
    ("prefix", H + b"<3>err\n<7>debug\n<0>emerg\nplain\n"),
    ("prefix-with-facility", H + b"<27>m\n<8>m\n"),
    ("prefix-odd", H + b"<3\n<>m\n<a>m\n<33>m\n <3>m\n<-3>m\n"),
    ("prefix-space", H + b"<3> m\n"),
    ("prefix-alone", H + b"<3>\n"),
    ("prefix-twice", H + b"<3><4>m\n"),
    ("prefix-off", header(prefix=b"0") + b"<3>m\n"),
    ("prefix-keeps-facility", header(priority=b"30") + b"<3>m\nplain\n"),
    ("line-of-48k-less-1", H + b"a" * (48 * 1024 - 1) + b"\nb\n"),
    ("line-of-48k", H + b"a" * (48 * 1024) + b"\nb\n"),
    ("line-of-48k-and-1", H + b"a" * (48 * 1024 + 1) + b"\nb\n"),
    ("line-of-100-kb", H + b"0123456789" * 10_000 + b"\nb\n"),
    ("line-of-100-kb-no-lf", H + b"0123456789" * 10_000),
    ("line-in-pieces", (H, b"on", b"e\ntw", b"o\n")),
    ("many-lines", H + b"".join(b"line %d\n" % number for number in range(1000))),
    ("several-writers", Two(H + b"one\n", b"two\n")),
    ("several-writers-one-line", Two(H + b"one", b"two\n")),
]

CASES = [
    *cases_of("journal", JOURNAL_VALUES + JOURNAL_ENTRIES + JOURNAL_NAMES + JOURNAL_PRIORITIES + JOURNAL_DAMAGE),
    *cases_of("journal", JOURNAL_PASSED, "nobody"),
    *cases_of("journal", [(f"root-{name}", sent) for name, sent in JOURNAL_PASSED], "root"),
    *cases_of("journal", [("object-pid", M + b"OBJECT_PID=1\n")], "nobody"),
    *cases_of("syslog", SYSLOG_VECTORS + SYSLOG_PRIORITIES + SYSLOG_TIMES + SYSLOG_TAGS + SYSLOG_TEXT + SYSLOG_5424),
    *cases_of("stdout", STDOUT_HEADERS + STDOUT_LINES),
    *cases_of("stdout", [("header-unit-of-nobody", header(unit=b"a.service") + b"m\n")], "nobody"),
]
assert len({case.name for case in CASES}) == len(CASES)
