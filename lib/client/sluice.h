/* sluice from C: send log records to sluiced.  Compile and link with `pkg-config --cflags --libs sluice`.
 *
 *     sluice_error error;
 *     sluice_writer *writer = sluice_open(NULL, &error);
 *     if (!writer) { fprintf(stderr, "%s\n", error.text); return 1; }
 *     sluice_field fields[] = {{"user", "ada"}, {"ms", "17"}};
 *     sluice_log(writer, SLUICE_INFO, "shop/checkout", "order placed", fields, 2, &error);
 *     sluice_close(writer, 5000, &error);
 *
 * Records are batched and acknowledged in the background of these calls; a daemon that restarts is reconnected to and
 * each record is stored exactly once.  There is no thread: a record may stay in memory until the next call, so call
 * sluice_flush() when there is nothing more to log.
 *
 * Threads: a writer is used by one thread at a time; different writers are independent.
 *
 * Fork: a child may go on with the writers of its parent, also where another thread was in a call when the process was
 * forked.  At its first call there the writer gets a connection and a producer id of its own, and its records have the
 * child's pid; the parent's socket is closed in the child alone.  Records that the parent has not flushed are the
 * parent's: it sends them, and the child's copy is dropped.  So flush before a fork after which the parent ends.  A
 * child that never logs keeps the socket (it is close-on-exec) until it calls sluice_close() or ends.
 *
 * Errors: functions that return int return 0, or -1 with `error` filled in.  `error` may be NULL everywhere.
 */
#ifndef SLUICE_H
#define SLUICE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sluice_writer sluice_writer;

typedef struct sluice_error {
    int code;       /* The number of an error in protocol.md, "Errors"; 0: none. */
    int sys_errno;  /* errno where a system call failed, else 0. */
    char text[504]; /* A sentence, NUL-terminated, cut if longer. */
} sluice_error;

enum sluice_severity {
    SLUICE_EMERG = 0,
    SLUICE_ALERT = 1,
    SLUICE_CRIT = 2,
    SLUICE_ERR = 3,
    SLUICE_WARNING = 4,
    SLUICE_NOTICE = 5,
    SLUICE_INFO = 6,
    SLUICE_DEBUG = 7
};

/* What an acknowledgement promises. */
enum sluice_level {
    SLUICE_ACCEPTED = 0, /* In the daemon's memory. */
    SLUICE_WRITTEN = 1,  /* Survives the death of the daemon. */
    SLUICE_DURABLE = 2   /* Survives loss of power. */
};

/* Zero-initialise, then set what differs; a zero means the default. */
typedef struct sluice_options {
    const char* socket_path;   /* Default: $SLUICE_SOCKET, else $XDG_RUNTIME_DIR/sluice/sluice.sock
                                  if there is one, else /run/sluice/sluice.sock. */
    const char* client_name;   /* Shown in the daemon's status. */
    int level;                 /* enum sluice_level; SLUICE_ACCEPTED is the zero and so the default. */
    uint32_t linger_ms;        /* A record waits at most this long for company.  Default: 5. */
    size_t memory_bytes_max;   /* Unacknowledged records held; beyond it sluice_log waits.  Default: 32 MiB. */
    uint32_t give_up_after_ms; /* Retry for at most this long.  Default: for ever. */
    int wait_for_daemon;       /* Not 0: sluice_open succeeds without a daemon. */
} sluice_options;

/* Both NUL-terminated: a value ends at its first NUL; see sluice_bytes_field for one that may contain NULs.  name: 1 to
 * 255 bytes without control characters and '=', not beginning with '_' (those are the daemon's). */
typedef struct sluice_field {
    const char* name;
    const char* value;
} sluice_field;

/* A value of any bytes, NULs too.  `value` may be NULL where `value_length` is 0.  name: as in sluice_field. */
typedef struct sluice_bytes_field {
    const char* name;
    const void* value;
    size_t value_length;
} sluice_bytes_field;

/* NULL with `error` filled in when it fails.  `options` may be NULL. */
sluice_writer* sluice_open(const sluice_options* options, sluice_error* error);

/* Adds a record of this moment.  `stream` NULL: "default".  The texts are NUL-terminated: what may contain NULs needs
 * sluice_log_bytes().  -1: this record is lost, because it is malformed or the writer has failed for good. */
int sluice_log(sluice_writer* writer, int severity, const char* stream, const char* message, const sluice_field* fields,
               size_t field_count, sluice_error* error);

/* The same with lengths: nothing ends at a NUL.  `message` may be NULL where `message_length` is 0; at most 1 MiB. */
int sluice_log_bytes(sluice_writer* writer, int severity, const char* stream, const void* message,
                     size_t message_length, const sluice_bytes_field* fields, size_t field_count, sluice_error* error);

/* Waits until every record is acknowledged, at most `timeout_ms` (negative: as long as it takes).  -1: a record was
 * rejected since the last flush, or the time is up. */
int sluice_flush(sluice_writer* writer, int timeout_ms, sluice_error* error);

/* Flushes, then frees the writer whatever the result.  `writer` may be NULL. */
int sluice_close(sluice_writer* writer, int timeout_ms, sluice_error* error);

#ifdef __cplusplus
}
#endif
#endif
