"""What store_compare.py asks, in the language of each engine, and what the answer has to be."""

from dataclasses import dataclass, field


@dataclass
class Question:
    key: str
    title: str
    expected: int  # The count, or the number of rows.
    sluice: str
    sql: str
    clickhouse: str  # Where it differs from SQL.
    shell: dict = field(default_factory=dict)  # Engine to a shell command that prints a count as its last word, or rows.
    rows: bool = False  # The answer is rows, not a count.
    newest: int = 0  # sluice: only so many rows, the last ones.


def local(time):
    """As journalctl takes it, in UTC."""
    return time.replace("T", " ").rstrip("Z")


def just_before(time):
    """journalctl's --until belongs to the span."""
    whole, _, _ = time.rstrip("Z").partition(".")
    head, seconds = whole.rsplit(":", 1)
    hour_minute = head.rsplit(":", 1)
    minute = int(hour_minute[1]) - 1
    hours = hour_minute[0]
    if minute < 0:
        minute = 59
        hours = hours[:-2] + f"{int(hours[-2:]) - 1:02}"
    return f"{hours}:{minute:02}:59.999999".replace("T", " ")


def top(engine_command):
    return f"{engine_command} | sort | uniq -c | sort -rn | head -n 10"


def questions(facts):
    start, end = facts["window"]
    hour_start, hour_end = facts["hour"]
    window_prefix, hour_prefix = start[:15], hour_start[:13]
    service, phrase = facts["combined"]["service"], facts["combined"]["phrase"]
    between = f"time >= '{start}' AND time < '{end}'"
    in_hour = f"time >= '{hour_start}' AND time < '{hour_end}'"
    # ClickHouse reads these without a zone in a column of UTC.
    ch_between, ch_in_hour = (text.replace("T", " ").replace("Z", "") for text in (between, in_hour))
    ch_words = lambda text: " AND ".join(f"hasToken(msg, '{word}')" for word in text.split())
    count = "SELECT count(*) FROM log"
    j_count = "journalctl --directory {journal} --no-pager -q -o cat"
    j_window = f"--since '{local(start)}' --until '{just_before(end)}'"
    j_hour = f"--since '{local(hour_start)}' --until '{just_before(hour_end)}'"
    one = lambda key, title, expected, sluice, where, clickhouse=None, **shell: Question(
        key, title, expected, f"{sluice} | stats count() as n", f"{count} WHERE {where}",
        f"{count} WHERE {clickhouse or where}", shell,
    )
    return [
        Question("count", "count all", facts["records"], "* | stats count() as n", count, count, {
            "rg": "rg -c '' {json}", "journald": f"{j_count} --output-fields=PRIORITY | wc -l",
            "jq": "jq -n 'reduce inputs as $x (0; . + 1)' {json}"}),
        one("error", "count level = error", facts["errors"], "level:=error", "level = 'error'",
            rg="rg -cF '\"level\":\"error\"' {json}", journald=f"{j_count} PRIORITY=3 | wc -l",
            jq="jq -c 'select(.level == \"error\") | .level' {json} | wc -l"),
        Question("trace", "a trace id: its rows", facts["trace_rows"], f"trace_id:={facts['trace_id']}",
                 f"SELECT * FROM log WHERE trace_id = '{facts['trace_id']}'",
                 f"SELECT * FROM log WHERE trace_id = '{facts['trace_id']}'", {
                     "rg": f"rg -F {facts['trace_id']} {{json}}",
                     "journald": f"journalctl --directory {{journal}} --no-pager -q -o json TRACE_ID={facts['trace_id']}"},
                 rows=True),
        one("no_trace", "a trace id that is not there", 0, f"trace_id:={facts['absent_trace_id']}",
            f"trace_id = '{facts['absent_trace_id']}'", rg=f"rg -cF {facts['absent_trace_id']} {{json}}",
            journald=f"{j_count} TRACE_ID={facts['absent_trace_id']} | wc -l"),
        one("phrase", "count a rare phrase", facts["phrase_rows"], f'"{facts["phrase"]}"',
            f"msg LIKE '%{facts['phrase']}%'", f"{ch_words(facts['phrase'])} AND msg LIKE '%{facts['phrase']}%'",
            rg=f"rg -cF '{facts['phrase']}' {{json}}", journald=f"{j_count} -g '{facts['phrase']}' | wc -l"),
        one("no_phrase", "a phrase whose words are there", 0, f'"{facts["absent_phrase"]}"',
            f"msg LIKE '%{facts['absent_phrase']}%'",
            f"{ch_words(facts['absent_phrase'])} AND msg LIKE '%{facts['absent_phrase']}%'",
            rg=f"rg -cF '{facts['absent_phrase']}' {{json}}", journald=f"{j_count} -g '{facts['absent_phrase']}' | wc -l"),
        one("no_word", "a word that is not there", 0, facts["absent_word"], f"msg LIKE '%{facts['absent_word']}%'",
            f"{ch_words(facts['absent_word'])}", rg=f"rg -cF {facts['absent_word']} {{json}}",
            journald=f"{j_count} -g {facts['absent_word']} | wc -l"),
        one("window", "count 10 minutes", facts["window_rows"], f"_time:[{start}, {end})", between, ch_between,
            rg=f"rg -cF '\"time\":\"{window_prefix}' {{json}}", journald=f"{j_count} {j_window} | wc -l"),
        Question("window_rows", "the rows of 10 minutes", facts["window_rows"], f"_time:[{start}, {end})",
                 f"SELECT * FROM log WHERE {between}", f"SELECT * FROM log WHERE {ch_between}", {
                     "rg": f"rg -F '\"time\":\"{window_prefix}' {{json}}",
                     "journald": f"journalctl --directory {{journal}} --no-pager -q -o json {j_window}"}, rows=True),
        Question("top_service", "top 10 services", min(10, len(facts["services"])), "* | top 10 by (service)",
                 "SELECT service, count(*) AS n FROM log GROUP BY service ORDER BY n DESC LIMIT 10",
                 "SELECT service, count(*) AS n FROM log GROUP BY service ORDER BY n DESC LIMIT 10", {
                     "rg": top("rg -oN '\"service\":\"[^\"]*\"' {json}"),
                     "journald": top(f"{j_count} --output-fields=SERVICE"), "jq": top("jq -r .service {json}")}, rows=True),
        Question("top_ip", "top 10 client addresses", min(10, len(facts["client_ips"])), "client_ip:* | top 10 by (client_ip)",
                 "SELECT client_ip, count(*) AS n FROM log WHERE client_ip <> '' GROUP BY client_ip ORDER BY n DESC LIMIT 10",
                 "SELECT client_ip, count(*) AS n FROM log WHERE client_ip <> '' GROUP BY client_ip ORDER BY n DESC LIMIT 10",
                 {"rg": top("rg -oN '\"client_ip\":\"[^\"]*\"' {json}")}, rows=True),
        one("combined", "level, service, phrase and hour", facts["combined_rows"],
            f'level:=error service:={service} "{phrase}" _time:[{hour_start}, {hour_end})',
            f"level = 'error' AND service = '{service}' AND msg LIKE '%{phrase}%' AND {in_hour}",
            f"level = 'error' AND service = '{service}' AND {ch_words(phrase)} AND msg LIKE '%{phrase}%' AND {ch_in_hour}",
            rg=f"rg -F '\"time\":\"{hour_prefix}' {{json}} | rg -F '\"level\":\"error\"' | rg -F '\"service\":\"{service}\"' | rg -cF '{phrase}'",
            journald=f"{j_count} PRIORITY=3 SERVICE={service} -g '{phrase}' {j_hour} | wc -l"),
        Question("newest", "the newest 100 rows", min(100, facts["records"]), "*", "SELECT * FROM log ORDER BY time DESC LIMIT 100",
                 "SELECT * FROM log ORDER BY time DESC LIMIT 100", {
                     "rg": "tail -n 100 {json}", "journald": "journalctl --directory {journal} --no-pager -q -o json -n 100"},
                 rows=True, newest=100),
        one("regex", "count a regular expression", facts["regex_rows"], f"~`{facts['regex']}`",
            f"regexp_matches(msg, '{facts['regex']}')", f"match(msg, '{facts['regex'].replace(chr(92), chr(92) * 2)}')",
            rg=f"rg -c '{facts['regex']}' {{json}}", journald=f"{j_count} -g '{facts['regex']}' | wc -l"),
    ]
