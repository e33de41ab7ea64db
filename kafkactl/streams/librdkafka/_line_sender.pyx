# cython: language_level=3, boundscheck=False, wraparound=False
"""Sending of lines through the public C API of the librdkafka that confluent_kafka has loaded.

confluent_kafka needs a call, a dict and a delivery report in Python for every record: together they take twice the
time of librdkafka itself. Here only failed records come back to Python.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memchr, memcmp

from kafkactl.streams.librdkafka._librdkafka cimport (
    PRODUCER, Common, Message, acquaint, bind_common, configured, err2str_t, loaded, opened, poll_t, symbol,
)

ctypedef void (*conf_set_opaque_t)(void *, void *) noexcept nogil
ctypedef void (*delivered_t)(void *, const Message *, void *) noexcept nogil
ctypedef void (*conf_set_delivered_t)(void *, delivered_t) noexcept nogil
ctypedef int (*statistics_t)(void *, char *, size_t, void *) noexcept nogil
ctypedef void (*conf_set_statistics_t)(void *, statistics_t) noexcept nogil
ctypedef int (*produce_t)(void *, int32_t, int, void *, size_t, const void *, size_t, void *) noexcept nogil
ctypedef int (*last_error_t)() noexcept nogil
ctypedef int (*fatal_error_t)(void *, char *, size_t) noexcept nogil
ctypedef int (*outq_len_t)(void *) noexcept nogil
ctypedef int (*purge_t)(void *, int) noexcept nogil
ctypedef int64_t (*timestamp_t)(const Message *, int *) noexcept nogil
ctypedef void *(*headers_new_t)(size_t) noexcept nogil
ctypedef int (*header_add_t)(void *, const char *, ssize_t, const void *, ssize_t) noexcept nogil
ctypedef void (*headers_destroy_t)(void *) noexcept nogil
ctypedef int (*message_headers_t)(const Message *, void **) noexcept nogil
ctypedef int (*header_get_t)(const void *, size_t, const char **, const void **, size_t *) noexcept nogil

cdef struct Bytes:
    const void *data
    size_t size

cdef union Argument:
    void *pointer
    int flags
    int32_t partition
    int64_t timestamp_ms
    Bytes bytes
    char room[64]

cdef struct Named:
    int kind
    Argument value

ctypedef void *(*produce_named_t)(void *, const Named *, size_t) noexcept nogil
ctypedef int (*error_code_t)(const void *) noexcept nogil
ctypedef void (*error_destroy_t)(void *) noexcept nogil

cdef Common api
cdef conf_set_opaque_t conf_set_opaque
cdef conf_set_delivered_t conf_set_delivered
cdef conf_set_statistics_t conf_set_statistics
cdef produce_t produce
cdef last_error_t last_error
cdef fatal_error_t fatal_error
cdef poll_t flush
cdef outq_len_t outq_len
cdef purge_t purge
cdef err2str_t err2str
cdef timestamp_t timestamp
cdef headers_new_t headers_new
cdef header_add_t header_add
cdef headers_destroy_t headers_destroy
cdef message_headers_t message_headers
cdef header_get_t header_get
cdef produce_named_t produce_named
cdef error_code_t error_code
cdef error_destroy_t error_destroy

cdef enum:
    OF_TOPIC = 2
    OF_PARTITION = 3
    OF_VALUE = 4
    OF_KEY = 5
    OF_FLAGS = 7
    OF_TIMESTAMP = 8
    OF_HEADERS = 10
    ARGUMENTS = 7
    COPY = 2
    QUEUE_FULL = -184
    FATAL = -150
    DESTROYED = -197
    PURGE_ALL = 3
    STEP_MS = 100
    ERROR_BYTES = 512
    PURGE_STEPS = 10
    FULL_MS = 1
    LOOK_EVERY = 256
    FEW = 12_000
    MANY = 1_000_000
    PATIENCE = 100


def bind(str path):
    """Find librdkafka's functions through the extension module at `path`, which has librdkafka loaded.

    Raise ImportError where the module is not loaded or a function is missing.
    """
    global conf_set_statistics, fatal_error, produce_named, error_code, error_destroy
    global headers_new, header_add, headers_destroy, message_headers, header_get
    global conf_set_opaque, conf_set_delivered, produce, last_error, flush, outq_len, purge, err2str, timestamp
    library = loaded(path)
    bind_common(library, &api)
    conf_set_opaque = <conf_set_opaque_t> symbol(library, b"rd_kafka_conf_set_opaque")
    conf_set_delivered = <conf_set_delivered_t> symbol(library, b"rd_kafka_conf_set_dr_msg_cb")
    conf_set_statistics = <conf_set_statistics_t> symbol(library, b"rd_kafka_conf_set_stats_cb")
    produce = <produce_t> symbol(library, b"rd_kafka_produce")
    fatal_error = <fatal_error_t> symbol(library, b"rd_kafka_fatal_error")
    last_error = <last_error_t> symbol(library, b"rd_kafka_last_error")
    flush = <poll_t> symbol(library, b"rd_kafka_flush")
    outq_len = <outq_len_t> symbol(library, b"rd_kafka_outq_len")
    purge = <purge_t> symbol(library, b"rd_kafka_purge")
    err2str = <err2str_t> symbol(library, b"rd_kafka_err2str")
    timestamp = <timestamp_t> symbol(library, b"rd_kafka_message_timestamp")
    headers_new = <headers_new_t> symbol(library, b"rd_kafka_headers_new")
    header_add = <header_add_t> symbol(library, b"rd_kafka_header_add")
    headers_destroy = <headers_destroy_t> symbol(library, b"rd_kafka_headers_destroy")
    message_headers = <message_headers_t> symbol(library, b"rd_kafka_message_headers")
    header_get = <header_get_t> symbol(library, b"rd_kafka_header_get_all")
    produce_named = <produce_named_t> symbol(library, b"rd_kafka_produceva")
    error_code = <error_code_t> symbol(library, b"rd_kafka_error_code")
    error_destroy = <error_destroy_t> symbol(library, b"rd_kafka_error_destroy")


cdef void _delivered(void *client, const Message *message, void *opaque) noexcept nogil:
    # delivery.report.only.error: only what failed comes here.
    if message.err:
        with gil:
            (<LineSender> opaque)._fail(message)


cdef int _statistics(void *client, char *text, size_t length, void *opaque) noexcept nogil:
    with gil:
        (<LineSender> opaque)._take_statistics(text[:length])
    return 0  # librdkafka keeps the text


cdef class LineSender:
    """A producer for one topic.

    `on_failure(key, value, headers, partition, timestamp_ms, code, reason)` is called for each failed record. An error
    that a callback raises is raised by the next poll().
    """

    cdef void *_client
    cdef void *_topic
    cdef int32_t _partition
    cdef object _on_failure
    cdef object _is_over
    cdef object _on_statistics
    cdef object _broken
    cdef int _enough
    cdef readonly Py_ssize_t sent
    """Number of records that were queued, or refused one by one."""

    def __init__(self, config, str topic, int32_t partition, on_failure, is_over, on_statistics):
        """Make the producer; raise ValueError for a wrong setting or topic. Nothing is sent.

        `config` are librdkafka's settings as pairs of text. A `partition` of -1 leaves the choice to the partitioner.
        `is_over()` returns whether to give up waiting for a full queue. `on_statistics` gets librdkafka's statistics
        as text.
        """
        cdef bytes name = topic.encode()
        conf = configured(&api, config)
        conf_set_opaque(conf, <void *> self)
        conf_set_delivered(conf, _delivered)
        conf_set_statistics(conf, _statistics)
        self._on_failure = on_failure
        self._is_over = is_over
        self._on_statistics = on_statistics
        self._broken = None
        self._enough = FEW
        self._partition = partition
        self._client = opened(&api, PRODUCER, conf)
        self._topic = api.topic_new(self._client, name, NULL)
        if self._topic is NULL:
            raise ValueError(f"librdkafka takes no topic {topic!r}")

    def connect(self, int timeout_ms):
        """Wait for the topic's metadata and the producer's id, at most twice `timeout_ms`.

        A missing answer is no error.
        """
        with nogil:
            acquaint(&api, self._client, self._topic, timeout_ms)

    def send(self, const unsigned char[:] data, bytes separator):
        """Queue whole lines, with a separator as KEY SEPARATOR VALUE, waiting while the queue is full.

        `data` is not empty and ends with a line feed. Return the number of bytes that were queued, and librdkafka's
        error code. The bytes are fewer than all where a line has no separator (code 0), where the producer can send no
        more (FATAL), and where the queue stayed full until is_over() was true (QUEUE_FULL). A line that is refused
        alone is passed to `on_failure` and counts as queued.
        """
        cdef const unsigned char *begin = &data[0]
        cdef const unsigned char *end = begin + data.shape[0]
        cdef const unsigned char *line = begin
        cdef const unsigned char *stop
        cdef const unsigned char *after
        cdef const unsigned char *value
        cdef const unsigned char *mark = b""
        cdef size_t mark_len = 0
        cdef int code = 0
        cdef bint has_key = separator is not None
        if has_key:
            mark, mark_len = separator, len(separator)
        with nogil:
            while line < end:
                stop = <const unsigned char *> memchr(line, 10, end - line)
                after = stop + 1
                if stop > line and stop[-1] == 13:
                    stop -= 1
                value = line
                if has_key:
                    value = _find(line, stop, mark, mark_len)
                    if value is NULL:
                        break
                    code = self._produce(line, value - line, value + mark_len, stop - value - mark_len)
                else:
                    code = self._produce(NULL, 0, line, stop - line)
                if code:
                    break
                self.sent += 1
                line = after
                if self.sent % LOOK_EVERY == 0:
                    self._let_drain()
        self.poll(0)
        return line - begin, code

    def send_record(self, key, value, headers, partition, timestamp_ms):
        """Queue one record; return 0, or librdkafka's error code for a record that is not queued.

        Keys, values and headers' values are bytes or None, headers' names are any bytes. A `partition` of None means
        the sender's own, a `timestamp_ms` of None the present time. Raise TypeError for other types.
        """
        cdef Named arguments[ARGUMENTS]
        cdef bytes name, part
        cdef list pairs = list(headers)
        for name, part in pairs:  # a value of another type raises here, before anything is allocated
            pass
        if self._client is NULL:
            return DESTROYED
        cdef void *packed = headers_new(len(pairs))
        for name, part in pairs:
            header_add(packed, name, len(name), _start(part), 0 if part is None else len(part))
        arguments[0].kind, arguments[0].value.pointer = OF_TOPIC, self._topic
        arguments[1].kind = OF_PARTITION
        arguments[1].value.partition = self._partition if partition is None else partition
        arguments[2].kind, arguments[2].value.bytes = OF_KEY, _bytes(key)
        arguments[3].kind, arguments[3].value.bytes = OF_VALUE, _bytes(value)
        arguments[4].kind, arguments[4].value.flags = OF_FLAGS, COPY
        arguments[5].kind, arguments[5].value.timestamp_ms = OF_TIMESTAMP, timestamp_ms or 0
        arguments[6].kind, arguments[6].value.pointer = OF_HEADERS, packed
        cdef void *error = produce_named(self._client, arguments, ARGUMENTS)
        if error is NULL:
            return 0
        headers_destroy(packed)
        cdef int code = error_code(error)
        error_destroy(error)
        return code

    def poll(self, int ms):
        """Call the callbacks of failed records, for at most `ms`; raise the error that a callback has raised before."""
        if self._client is NULL:
            return
        with nogil:
            api.poll(self._client, ms)
        if self._broken is not None:
            broken, self._broken = self._broken, None
            raise broken

    def flush(self):
        """Wait at most 0.1 s for acknowledgements; return whether no record waits any more.

        Raise the errors of poll().
        """
        cdef int error
        if self._client is NULL:
            return True
        with nogil:
            error = flush(self._client, STEP_MS)
        self.poll(0)
        return error == 0

    def fatal_error(self):
        """Return the error that ended the client, as text; None while it can send, and after close()."""
        cdef char text[ERROR_BYTES]
        if self._client is NULL or not fatal_error(self._client, text, ERROR_BYTES):
            return None
        return text.decode()

    def outstanding(self):
        """Return the number of records that wait for an answer; unread statistics count, too."""
        return 0 if self._client is NULL else outq_len(self._client)

    def purge(self):
        """Remove the records that are not acknowledged; each of them is passed to `on_failure`. Wait at most 1 s."""
        if self._client is NULL:
            return
        purge(self._client, PURGE_ALL)
        for _ in range(PURGE_STEPS):
            if self.flush():
                return

    def close(self):
        """End the producer, which must have been flushed or purged. A second call does nothing."""
        if self._client is not NULL:
            with nogil:
                api.topic_destroy(self._topic)
                api.destroy(self._client)
            self._client = NULL

    def reason(self, int code):
        """Return librdkafka's text for one of its error codes."""
        return err2str(code).decode()

    cdef void _let_drain(self) noexcept nogil:
        """Wait while more records are queued than a near broker needs to be busy.

        Records that are still in the processor's cache when they are written and acknowledged take half the time.
        After 100 ms, as with a broker that is far away, the number doubles.
        """
        cdef int waited = 0
        if outq_len(self._client) < self._enough:
            return
        while outq_len(self._client) > self._enough // 2:
            api.poll(self._client, FULL_MS)
            waited += 1
            if waited == PATIENCE:
                self._enough = min(2 * self._enough, MANY)
                return

    cdef int _produce(
        self, const unsigned char *key, size_t key_len, const unsigned char *value, size_t value_len
    ) except? -1 nogil:
        """Queue one record; return 0, or the code of an error after which no record can be queued.

        The code is FATAL, or QUEUE_FULL where is_over() is true. Another error is passed to `on_failure`.
        """
        cdef int code
        while produce(self._topic, self._partition, COPY, <void *> value, value_len, key, key_len, NULL):
            code = last_error()
            if code == QUEUE_FULL:
                api.poll(self._client, FULL_MS)  # nothing wakes us: delivered records have no report
                with gil:
                    PyErr_CheckSignals()
                    if self._is_over():
                        return code
                continue
            if code == FATAL:
                return code
            with gil:
                self._on_failure(
                    None if key is NULL else key[:key_len], value[:value_len], None, None, None, code, self.reason(code)
                )
            return 0
        return 0

    cdef void _take_statistics(self, bytes text) noexcept:
        try:
            self._on_statistics(text.decode())
        except BaseException as error:
            self._broken = error

    cdef void _fail(self, const Message *message) noexcept:
        cdef int kind = 0
        cdef int64_t stamp = timestamp(message, &kind)
        try:
            self._on_failure(
                None if message.key is NULL else (<const char *> message.key)[: message.key_len],
                None if message.payload is NULL else (<const char *> message.payload)[: message.len],
                _headers_of(message),
                None if message.partition < 0 else message.partition,
                stamp if kind else None,
                message.err,
                self.reason(message.err),
            )
        except BaseException as error:  # C called us: it is raised when Python is asked for something again
            self._broken = error


cdef const char *_start(bytes data):
    """Return a pointer to bytes, also to empty ones; NULL for None. The bytes must outlive the pointer."""
    if data is None:
        return NULL
    return data


cdef Bytes _bytes(bytes data):
    cdef Bytes found
    found.data, found.size = _start(data), 0 if data is None else len(data)
    return found


cdef object _headers_of(const Message *message):
    """Return the headers of a record as pairs of bytes, a null value as None; None where it has no headers."""
    cdef void *packed = NULL
    cdef const char *name = NULL
    cdef const void *value = NULL
    cdef size_t size = 0
    if message_headers(message, &packed):
        return None
    found = []
    while not header_get(packed, len(found), &name, &value, &size):
        found.append((<bytes> name, None if value is NULL else (<const char *> value)[:size]))
    return found


cdef const unsigned char *_find(
    const unsigned char *begin, const unsigned char *end, const unsigned char *mark, size_t length
) noexcept nogil:
    """Return the first place of a mark of one byte or more; NULL where it is missing."""
    cdef const unsigned char *at = begin
    while at + length <= end:
        at = <const unsigned char *> memchr(at, mark[0], end - at - length + 1)
        if at is NULL or length == 1 or memcmp(at, mark, length) == 0:
            return at
        at += 1
    return NULL
