#include "generate/templates.h"

#include <array>

namespace sluice::bench {
namespace {

using enum Level;

constexpr MessageTemplate kEdge[] = {
    {info, "upstream <host>:<port> answered in <ms> ms, cache MISS"},
    {info, "upstream <host>:<port> answered in <ms> ms, cache HIT"},
    {debug, "keepalive connection <id> from <ip> reused for request <n>"},
    {debug, "selected certificate for SNI shop-<n>.example.net in <ms> ms"},
    {info, "client <ip> closed keepalive connection after <n> requests"},
    {notice, "signal process started, worker <k> will serve <n> listeners"},
    {warn, "upstream response is buffered to a temporary file /var/cache/edge/<n>/<hex> while reading upstream"},
    {warn, "limiting requests, excess <s> by zone perip, client <ip>"},
    {error, "connect() failed (111: Connection refused) while connecting to upstream <host>:<port>, client <ip>"},
    {error, "upstream timed out (110: Connection timed out) while reading response header from <host>:<port>"},
    {error, "SSL_do_handshake() failed while SSL handshaking, client <ip>, server 0.0.0.0:443"},
};
constexpr MessageTemplate kFront[] = {
    {info, "rendered page <path> in <ms> ms (<n> fragments, <k> bytes of state)"},
    {info, "session <hex> started for visitor from <ip>"},
    {info, "visitor <user> changed language to de-DE"},
    {debug, "fragment cache: <n> hits, <n> misses, oldest entry <s> s"},
    {debug, "feature flag checkout-v<n> evaluated to true for bucket <n>"},
    {notice, "deployment <hex> is now live, draining <n> connections of the previous one"},
    {warn, "fragment <n> of <path> took <ms> ms, budget is 80.000 ms"},
    {warn, "stale catalog served: refresh of shelf <n> is <s> s late"},
    {error, "unhandled rejection in component Basket<n>: cannot read properties of undefined (reading 'price')"},
    {error, "render of <path> failed: template fragment <n> is missing"},
};
constexpr MessageTemplate kGateway[] = {
    {info, "route orders-v<n> matched, forwarding to <host>:<port>"},
    {info, "token of client <user> accepted, scope orders:read, <s> s left"},
    {debug, "request body of <k> bytes validated against schema <n> in <ms> ms"},
    {debug, "retry budget of route <n> is at <pct> %"},
    {info, "rate limit of client <user>: <n> of 600 requests used in this minute"},
    {notice, "circuit breaker of <host> closed after <s> s"},
    {warn, "client <user> exceeded 600 requests in a minute, answering 429"},
    {warn, "circuit breaker of <host> opened: <n> failures in <s> s"},
    {error, "no healthy upstream for route <n>, answering 503 to <ip>"},
    {error, "token of client <user> has an unknown signing key <hex>"},
    {crit, "routing table <id> is inconsistent, keeping the previous one"},
};
constexpr MessageTemplate kStatic[] = {
    {info, "object <hex> served from disk, <big> bytes in <ms> ms"},
    {info, "object <hex> validated with origin, not modified"},
    {debug, "evicted <n> objects to make room for <k> bytes"},
    {info, "range request of <ip>: bytes <big>-<big>"},
    {warn, "origin <host> answers slowly: <ms> ms for <hex>"},
    {error, "object <hex> is truncated on disk: expected <big> bytes"},
    {error, "read error on /srv/cache/<n>/<hex>: Input/output error"},
};
constexpr MessageTemplate kAuth[] = {
    {info, "user <user> signed in from <ip> with password and totp"},
    {info, "user <user> signed out after <s> s"},
    {info, "issued token <uuid> to client <user>, valid for 3600 s"},
    {info, "refresh of token <uuid> by <ip> accepted"},
    {debug, "password hash of <user> verified in <ms> ms with cost <n>"},
    {debug, "looked up <user> in directory ou=people in <ms> ms"},
    {notice, "user <user> enrolled a new security key <hex>"},
    {warn, "failed sign-in of <user> from <ip>: wrong password, attempt <n>"},
    {warn, "account <user> locked for 900 s after <n> failed attempts"},
    {error, "directory server <host>:<port> is not reachable: Connection refused"},
    {error, "signature of token <uuid> does not verify with key <hex>"},
    {crit, "signing key <hex> expires in <n> hours and has no successor"},
};
constexpr MessageTemplate kCheckout[] = {
    {info, "order <id> placed by customer <user>: <n> items, <s> EUR"},
    {info, "order <id> moved from state authorized to state captured in <ms> ms"},
    {info, "basket <hex> converted to order <id>"},
    {info, "voucher SPRING-<k> applied to order <id>: minus <pct> %"},
    {debug, "price of order <id> recalculated: <n> rules evaluated in <ms> ms"},
    {debug, "address of customer <user> normalized, confidence <pct> %"},
    {notice, "order <id> is held for manual review, score <n>"},
    {warn, "payment of order <id> is pending for <s> s at provider card-<n>"},
    {warn, "order <id>: stock of item <k> changed between basket and checkout"},
    {error, "payment of order <id> declined by provider card-<n>: code <k>"},
    {error, "order <id> could not be written: serialization failure, attempt <n>"},
    {error, "invariant broken in order <id>: total <s> EUR but lines sum to <s> EUR"},
};
constexpr MessageTemplate kInventory[] = {
    {info, "item <k>: reserved <n> pieces for order <id> in warehouse <n>"},
    {info, "item <k>: received <n> pieces with delivery <id>"},
    {info, "cycle count of shelf <n>-<k> finished, difference <n>"},
    {debug, "reservation <uuid> expired after <s> s, <n> pieces are free again"},
    {debug, "availability of <n> items computed in <ms> ms"},
    {notice, "item <k> is below its reorder point: <n> left"},
    {warn, "item <k>: oversold by <n> pieces, oldest order is <id>"},
    {warn, "feed of warehouse <n> is <s> s behind"},
    {error, "message <id> of warehouse <n> cannot be parsed: unexpected end of segment <n>"},
    {error, "lock on item <k> not acquired within <ms> ms"},
};
constexpr MessageTemplate kBilling[] = {
    {info, "invoice <id> rendered as PDF: <n> pages in <ms> ms"},
    {info, "invoice <id> sent to customer <user> by mail"},
    {info, "settlement <uuid> booked: <n> transactions, <s> EUR"},
    {info, "quota raised for <tenant>: <k> units until the end of the month"},
    {debug, "tax rate <pct> % chosen for order <id> by rule <n>"},
    {notice, "dunning run <n> finished: <n> reminders, <n> cases handed over"},
    {warn, "quota exceeded for <tenant>: <k> of <k> units used"},
    {warn, "exchange rate of day <n> is missing, using the one before"},
    {error, "invoice <id> has no tax rule for its country, it stays a draft"},
    {error, "bank file <hex> rejected at line <k>: wrong checksum"},
};
constexpr MessageTemplate kSearch[] = {
    {info, "query of session <hex> returned <n> of <k> hits in <ms> ms"},
    {info, "index products-<n> refreshed: <k> documents, <n> segments"},
    {debug, "query rewritten: <n> synonyms added, <n> terms dropped"},
    {debug, "segment <hex> loaded in <ms> ms, <big> bytes mapped"},
    {info, "suggestion list for prefix <n> rebuilt with <k> entries"},
    {notice, "merge of <n> segments into <hex> finished in <s> s"},
    {warn, "slow query of session <hex>: <ms> ms, <k> documents scanned"},
    {warn, "index products-<n> is <s> s behind the catalog"},
    {error, "shard <n> of index products-<n> failed: checksum mismatch in segment <hex>"},
    {error, "query of session <hex> aborted after <ms> ms: too many clauses"},
};
constexpr MessageTemplate kMailer[] = {
    {info, "message <uuid> accepted by mx<n>.example.org in <ms> ms"},
    {info, "message <uuid> queued for <user>, template order-confirmation"},
    {debug, "DKIM signature with selector s<n> added in <ms> ms"},
    {info, "bounce of <uuid> processed: mailbox of <user> is full"},
    {notice, "reputation of pool <n> is <pct> %, sending at most <k> an hour"},
    {warn, "message <uuid> deferred by mx<n>.example.org: try again in <s> s"},
    {error, "message <uuid> given up after <n> attempts"},
    {error, "connection to mx<n>.example.org:25 timed out after <s> s"},
};
constexpr MessageTemplate kScheduler[] = {
    {info, "job nightly-report-<n> started as run <uuid>"},
    {info, "run <uuid> of job cleanup-<n> finished in <s> s"},
    {debug, "<n> jobs are due, next one in <s> s"},
    {debug, "lease of run <uuid> renewed by <host>"},
    {notice, "job import-<n> is paused by <user>"},
    {warn, "run <uuid> takes longer than usual: <s> s"},
    {warn, "job export-<n> skipped: its last run <uuid> has not finished"},
    {error, "run <uuid> failed with exit status <n>, retry <n> of 5"},
    {error, "lease of run <uuid> lost by <host>, it is run again"},
};
constexpr MessageTemplate kEvents[] = {
    {info, "consumer group <topic>-readers rebalanced: <n> members, generation <k>"},
    {info, "rolled new log segment on <topic>-<n> in <ms> ms"},
    {info, "deleted segment <big> of <topic>-<n>, retention of 7 days"},
    {debug, "committed offset <big> of <topic>-<n> for group <topic>-readers"},
    {debug, "fetch of <topic>-<n> at offset <big> returned <k> records"},
    {notice, "controller moved to broker <n>, epoch <k>"},
    {warn, "shrinking in-sync replicas of <topic>-<n> from <n> to <n>"},
    {warn, "group <topic>-readers lags <k> records behind on partition <n>"},
    {error, "replica of <topic>-<n> on broker <n> is offline: log directory failed"},
    {error, "request <id> of <ip> to <topic>-<n> timed out in purgatory after <ms> ms"},
};
constexpr MessageTemplate kCache[] = {
    {debug, "GET session:<hex> hit in <ms> ms"},
    {debug, "GET session:<hex> miss in <ms> ms"},
    {info, "background saving started by pid <k>"},
    {info, "DB saved on disk: <big> bytes in <s> s"},
    {info, "<k> clients connected (<n> replicas), <big> bytes in use"},
    {notice, "replica <ip>:<port> asks for synchronization, partial resync accepted"},
    {warn, "memory limit reached, <k> keys evicted by allkeys-lru"},
    {error, "replica <ip>:<port> lost: Connection timed out"},
    {error, "short read while loading DB at offset <big>"},
};
constexpr MessageTemplate kSshd[] = {
    {info, "Accepted publickey for <user> from <ip> port <port> ssh2: ED25519 SHA256:<hex>"},
    {info, "Disconnected from user <user> <ip> port <port>"},
    {info, "Received disconnect from <ip> port <port>:11: disconnected by user"},
    {info, "Failed password for invalid user <user> from <ip> port <port> ssh2"},
    {info, "Invalid user <user> from <ip> port <port>"},
    {debug, "Connection from <ip> port <port> on 10.8.0.<n> port 22"},
    {debug, "kex: algorithm curve25519-sha256, host key ssh-ed25519, cipher chacha20"},
    {notice, "Server listening on 0.0.0.0 port 22, generation <n>"},
    {warn, "maximum authentication attempts exceeded for <user> from <ip> port <port> ssh2"},
    {error, "kex_exchange_identification: read from <ip> port <port>: Connection reset by peer"},
    {error, "Connection reset by authenticating user <user> <ip> port <port> during preauth"},
    {error, "no matching host key type found for <ip> port <port>, their offer: ssh-rsa"},
    {error, "PAM: authentication error for illegal user <user> from <ip>"},
};
constexpr MessageTemplate kKernel[] = {
    {info, "eth<n>: link is up, 10000 Mbps full duplex, flow control rx/tx"},
    {info, "<dev>: mounted filesystem <uuid> with ordered data mode"},
    {info, "audit: type=1400 apparmor=ALLOWED operation=open pid=<k> comm=worker-<n>"},
    {info, "TCP: request_sock_TCP: possible SYN flooding on port <port>, sending cookies"},
    {debug, "perf: interrupt took too long (<k> > <k>), lowering sample rate to <k>"},
    {info, "cgroup: memory of /system.slice/app-<n>.service is <big> bytes"},
    {notice, "nf_conntrack: table is <pct> % full, <k> entries dropped"},
    {warn, "clocksource: timekeeping watchdog on CPU<n>: marking tsc as unstable, delta <big> ns"},
    {warn, "<dev>: detected capacity change from <big> to <big>"},
    {error, "Out of memory: killed process <k> (worker-<n>) total-vm:<big>kB, anon-rss:<big>kB"},
    {error, "<dev>: I/O error, sector <big>, op 0x0:(READ) flags 0x<n> phys_seg <n>"},
    {error, "EXT4-fs error (device <dev>): ext4_find_entry:<k>: inode #<big>: reading directory lblock <n>"},
    {crit, "mce: [Hardware Error]: CPU <n>: machine check events logged, bank <n>: <hex>"},
};
constexpr MessageTemplate kDatabase[] = {
    {info, "checkpoint starting: time, distance <k> kB"},
    {info, "checkpoint complete: wrote <k> buffers (<pct> %); write=<s> s, sync=<s> s, total=<s> s"},
    {info, "automatic vacuum of table shop.public.<table>: pages <k> removed, <k> remain, elapsed <s> s"},
    {info, "automatic analyze of table shop.public.<table>: elapsed <s> s"},
    {debug, "duration: <ms> ms execute S_<n>: SELECT * FROM <table> WHERE id = $1"},
    {debug, "duration: <ms> ms execute S_<n>: UPDATE <table> SET state = $1, changed = now() WHERE id = $2"},
    {debug, "duration: <ms> ms execute S_<n>: INSERT INTO <table> (id, body) VALUES ($1, $2)"},
    {info, "connection authorized: user=<user> database=shop application_name=app-<n>"},
    {info, "disconnection: session time <s> s user=<user> database=shop host=<ip> port=<port>"},
    {notice, "table <table> is rewritten by ALTER TABLE, <k> rows"},
    {warn, "process <k> still waiting for ShareLock on transaction <big> after <ms> ms"},
    {warn, "there are <n> transactions older than <s> s, oldest xmin <big>"},
    {error, "deadlock detected: process <k> waits for ShareLock on transaction <big>, blocked by process <k>"},
    {error, "duplicate key value violates unique constraint <table>_pkey: key (id)=(<id>) already exists"},
    {error, "canceling statement due to statement timeout in table <table>"},
    {error, "could not serialize access due to concurrent update of <table>"},
    {crit, "could not write to file pg_wal/xlogtemp.<k>: No space left on device"},
};
constexpr MessageTemplate kConsensus[] = {
    {info, "applied entry <big> in <ms> ms, term <n>"},
    {info, "compacted revision <big> in <ms> ms, <k> keys"},
    {info, "raft: member <hex> became follower at term <n>"},
    {debug, "heartbeat from <hex> after <ms> ms"},
    {debug, "lease <hex> kept alive, ttl <n> s"},
    {notice, "raft: member <hex> elected leader <hex> at term <n>"},
    {warn, "apply request took too long: <ms> ms, expected 100.000 ms, range of <n> keys"},
    {warn, "slow fdatasync took <s> s"},
    {error, "lost the TCP streaming connection with peer <hex> at <ip>"},
    {error, "request to member <hex> was refused: too many requests"},
};

constexpr std::array kServices{
    Service{"edge-proxy", 150, true, kEdge},     Service{"web-frontend", 100, true, kFront},
    Service{"api-gateway", 90, true, kGateway},  Service{"static-cache", 60, true, kStatic},
    Service{"auth", 60, false, kAuth},           Service{"checkout", 70, false, kCheckout},
    Service{"inventory", 55, false, kInventory}, Service{"billing", 45, false, kBilling},
    Service{"search", 70, false, kSearch},       Service{"mailer", 30, false, kMailer},
    Service{"scheduler", 25, false, kScheduler}, Service{"event-log", 60, false, kEvents},
    Service{"session-cache", 55, false, kCache}, Service{"sshd", 60, false, kSshd},
    Service{"kernel", 30, false, kKernel},       Service{"postgres", 90, false, kDatabase},
    Service{"consensus", 30, false, kConsensus},
};

constexpr std::array<std::string_view, 48> kPaths{
    "/",
    "/index.html",
    "/favicon.ico",
    "/robots.txt",
    "/login",
    "/logout",
    "/basket",
    "/basket/items/<k>",
    "/products/<k>",
    "/products/<k>/reviews?page=<n>",
    "/products/<k>/images/<n>.webp",
    "/category/shoes?page=<n>",
    "/category/lamps?sort=price&page=<n>",
    "/search?q=desk+lamp&page=<n>",
    "/search?q=running+shoes&size=<n>",
    "/search/suggest?prefix=<hex>",
    "/account/orders",
    "/account/orders/<id>",
    "/account/orders/<id>/invoice.pdf",
    "/account/settings",
    "/account/addresses/<n>",
    "/api/v1/orders",
    "/api/v1/orders/<id>",
    "/api/v1/orders/<id>/items",
    "/api/v1/customers/<id>",
    "/api/v1/items/<k>/availability",
    "/api/v2/orders/<id>",
    "/api/v2/prices?item=<k>",
    "/api/v2/sessions/<hex>",
    "/api/v2/events?after=<big>",
    "/static/js/app.<hex>.js",
    "/static/js/vendor.<hex>.js",
    "/static/css/main.<hex>.css",
    "/static/fonts/inter-<n>.woff2",
    "/static/img/hero-<n>.avif",
    "/static/img/icons/<n>.svg",
    "/media/<hex>/large.webp",
    "/media/<hex>/small.webp",
    "/feeds/products-<n>.xml",
    "/sitemap-<n>.xml",
    "/healthz",
    "/metrics",
    "/checkout/address",
    "/checkout/payment",
    "/checkout/confirm?order=<id>",
    "/newsletter/confirm/<uuid>",
    "/help/returns",
    "/wp-login.php",
};

constexpr std::array<std::string_view, 18> kAgents{
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Version/18.6 Mobile Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "shop-app/7.4.1 (iOS 18.6)",
    "shop-app/7.4.0 (Android 15)",
    "shop-app/6.9.3 (Android 13)",
    "curl/8.14.1",
    "python-requests/2.32.4",
    "Go-http-client/2.0",
    "okhttp/5.1.0",
    "kube-probe/1.33",
    "Prometheus/3.5.0",
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bot.example/about)",
    "feed-reader/1.8",
    "uptime-check/3",
};

}  // namespace

std::span<const Service> services() {
    return kServices;
}
std::span<const std::string_view> request_paths() {
    return kPaths;
}
std::span<const std::string_view> user_agents() {
    return kAgents;
}
std::size_t template_count() {
    std::size_t count = kPaths.size();
    for (const Service& service : kServices) {
        count += service.templates.size();
    }
    return count;
}

}  // namespace sluice::bench
