# cython: language_level=3, boundscheck=False, wraparound=False
"""Lines into a topic through librdkafka's own public C API, of the copy that confluent_kafka has loaded.

What confluent_kafka takes for every record, a call, a dict and a delivery report in Python, costs twice what librdkafka
itself does. Only failed records come back to Python here. Source: rdkafka.h, whose ABI is stable; `streams/fast.py`
does without where any of it is missing.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memchr, memcmp


cdef extern from "<dlfcn.h>" nogil:
    void *dlopen(const char *path, int mode)
    void *dlsym(void *handle, const char *name)
    int RTLD_LAZY
    int RTLD_NOLOAD


ctypedef struct Message:
    int err
    void *topic
    int32_t partition
    void *payload
    size_t len
    void *key
    size_t key_len
    int64_t offset
    void *opaque


ctypedef void *(*conf_new_t)() noexcept nogil
ctypedef int (*conf_set_t)(void *, const char *, const char *, char *, size_t) noexcept nogil
ctypedef void (*conf_set_opaque_t)(void *, void *) noexcept nogil
ctypedef void (*delivered_t)(void *, const Message *, void *) noexcept nogil
ctypedef void (*conf_set_delivered_t)(void *, delivered_t) noexcept nogil
ctypedef void *(*new_t)(int, void *, char *, size_t) noexcept nogil
ctypedef void (*destroy_t)(void *) noexcept nogil
ctypedef void *(*topic_new_t)(void *, const char *, void *) noexcept nogil
ctypedef int (*produce_t)(void *, int32_t, int, void *, size_t, const void *, size_t, void *) noexcept nogil
ctypedef int (*last_error_t)() noexcept nogil
ctypedef int (*poll_t)(void *, int) noexcept nogil
ctypedef int (*outq_len_t)(void *) noexcept nogil
ctypedef int (*purge_t)(void *, int) noexcept nogil
ctypedef const char *(*err2str_t)(int) noexcept nogil
ctypedef int64_t (*timestamp_t)(const Message *, int *) noexcept nogil

ctypedef int (*metadata_t)(void *, int, void *, const void **, int) noexcept nogil
ctypedef void (*metadata_destroy_t)(const void *) noexcept nogil

cdef metadata_t metadata
cdef metadata_destroy_t metadata_destroy
cdef conf_new_t conf_new
cdef conf_set_t conf_set
cdef conf_set_opaque_t conf_set_opaque
cdef conf_set_delivered_t conf_set_delivered
cdef new_t new
cdef destroy_t destroy, conf_destroy, topic_destroy
cdef topic_new_t topic_new
cdef produce_t produce
cdef last_error_t last_error
cdef poll_t poll, flush
cdef outq_len_t outq_len
cdef purge_t purge
cdef err2str_t err2str
cdef timestamp_t timestamp

cdef enum:
    PRODUCER = 0
    COPY = 2
    QUEUE_FULL = -184
    FATAL = -150
    PURGE_ALL = 3
    STEP_MS = 100
    FULL_MS = 1
    LOOK_EVERY = 256
    FEW = 12_000
    MANY = 1_000_000
    PATIENCE = 100
    ERROR_BYTES = 512


cdef void *_symbol(void *library, const char *name) except NULL:
    found = dlsym(library, name)
    if found is NULL:
        raise ImportError(f"librdkafka has no {name.decode()}")
    return found


def bind(str path):
    """Finds the functions by an extension module that has librdkafka loaded; raises ImportError."""
    global conf_new, conf_set, conf_set_opaque, conf_set_delivered, new, destroy, conf_destroy, topic_destroy
    global topic_new, produce, last_error, poll, flush, outq_len, purge, err2str, timestamp
    global metadata, metadata_destroy
    cdef bytes encoded = path.encode()
    library = dlopen(encoded, RTLD_LAZY | RTLD_NOLOAD)
    if library is NULL:
        raise ImportError(f"{path} is not loaded")
    conf_new = <conf_new_t> _symbol(library, b"rd_kafka_conf_new")
    conf_set = <conf_set_t> _symbol(library, b"rd_kafka_conf_set")
    conf_destroy = <destroy_t> _symbol(library, b"rd_kafka_conf_destroy")
    conf_set_opaque = <conf_set_opaque_t> _symbol(library, b"rd_kafka_conf_set_opaque")
    conf_set_delivered = <conf_set_delivered_t> _symbol(library, b"rd_kafka_conf_set_dr_msg_cb")
    new = <new_t> _symbol(library, b"rd_kafka_new")
    destroy = <destroy_t> _symbol(library, b"rd_kafka_destroy")
    topic_new = <topic_new_t> _symbol(library, b"rd_kafka_topic_new")
    topic_destroy = <destroy_t> _symbol(library, b"rd_kafka_topic_destroy")
    produce = <produce_t> _symbol(library, b"rd_kafka_produce")
    last_error = <last_error_t> _symbol(library, b"rd_kafka_last_error")
    poll = <poll_t> _symbol(library, b"rd_kafka_poll")
    flush = <poll_t> _symbol(library, b"rd_kafka_flush")
    metadata = <metadata_t> _symbol(library, b"rd_kafka_metadata")
    metadata_destroy = <metadata_destroy_t> _symbol(library, b"rd_kafka_metadata_destroy")
    outq_len = <outq_len_t> _symbol(library, b"rd_kafka_outq_len")
    purge = <purge_t> _symbol(library, b"rd_kafka_purge")
    err2str = <err2str_t> _symbol(library, b"rd_kafka_err2str")
    timestamp = <timestamp_t> _symbol(library, b"rd_kafka_message_timestamp")


cdef void _delivered(void *client, const Message *message, void *opaque) noexcept nogil:
    # delivery.report.only.error: only what failed comes here.
    if message.err:
        with gil:
            (<LineSender> opaque)._fail(message)


cdef class LineSender:
    """A producer for one topic; `on_failure(key, value, partition, timestamp_ms, code, reason)` hears of what failed."""

    cdef void *_client
    cdef void *_topic
    cdef int32_t _partition
    cdef object _on_failure
    cdef object _broken
    cdef int _enough
    cdef readonly Py_ssize_t sent
    """How many records were queued, or refused one by one."""

    def __init__(self, config, str topic, int32_t partition, on_failure):
        """`config` are librdkafka's settings as pairs of text; raises ValueError for a wrong one."""
        cdef char told[ERROR_BYTES]
        cdef bytes name, value
        conf = conf_new()
        for name_text, value_text in config:
            name, value = name_text.encode(), value_text.encode()
            if conf_set(conf, name, value, told, ERROR_BYTES):
                conf_destroy(conf)
                raise ValueError(told.decode("utf-8", "replace"))
        conf_set_opaque(conf, <void *> self)
        conf_set_delivered(conf, _delivered)
        self._on_failure = on_failure
        self._broken = None
        self._enough = FEW
        self._partition = partition
        self._client = new(PRODUCER, conf, told, ERROR_BYTES)
        if self._client is NULL:
            conf_destroy(conf)
            raise ValueError(told.decode("utf-8", "replace"))
        name = topic.encode()
        self._topic = topic_new(self._client, name, NULL)

    def connect(self, int timeout_ms):
        """Asks for the topic's metadata, of the bootstrap server and then of a broker that it names.

        Connected to one the producer gets its id at once; else the first record waits half a second for it.
        """
        cdef const void *found = NULL
        cdef int round
        with nogil:
            for round in range(2):
                if metadata(self._client, 0, self._topic, &found, timeout_ms) == 0:
                    metadata_destroy(found)

    def send(self, const unsigned char[:] data, bytes separator):
        """Queues whole lines, with a separator as KEY SEPARATOR VALUE, waiting while the queue is full.

        Returns how many bytes that were, and librdkafka's error: fewer than all where a line has no separator (error
        0), or the producer can send no more.
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

    def poll(self, int ms):
        """Serves what has failed."""
        with nogil:
            poll(self._client, ms)
        if self._broken is not None:
            broken, self._broken = self._broken, None
            raise broken

    def flush(self):
        """Waits a moment for acknowledgements; whether all are there."""
        cdef int error
        with nogil:
            error = flush(self._client, STEP_MS)
        self.poll(0)
        return error == 0

    def purge(self):
        """Takes back what is not acknowledged, all told as failed."""
        purge(self._client, PURGE_ALL)
        self.flush()

    def close(self):
        """Ends the producer, which must have been flushed or purged."""
        if self._client is not NULL:
            with nogil:
                topic_destroy(self._topic)
                destroy(self._client)
            self._client = NULL

    def reason(self, int code):
        return err2str(code).decode()

    cdef void _let_drain(self) noexcept nogil:
        """Waits while more is queued than a near broker needs to be busy: what is still in the processor's cache when it
        is written and acknowledged goes through twice as fast. A broker that is far away is given more.
        """
        cdef int waited = 0
        if outq_len(self._client) < self._enough:
            return
        while outq_len(self._client) > self._enough // 2:
            poll(self._client, FULL_MS)
            waited += 1
            if waited == PATIENCE:
                self._enough = min(2 * self._enough, MANY)
                return

    cdef int _produce(
        self, const unsigned char *key, size_t key_len, const unsigned char *value, size_t value_len
    ) except? -1 nogil:
        """0, or the error that keeps any record from being sent."""
        cdef int code
        while produce(self._topic, self._partition, COPY, <void *> value, value_len, key, key_len, NULL):
            code = last_error()
            if code == QUEUE_FULL:
                poll(self._client, FULL_MS)  # nothing wakes us: there is no report of what goes well
                with gil:
                    PyErr_CheckSignals()
                continue
            if code == FATAL:
                return code
            with gil:
                self._on_failure(
                    None if key is NULL else key[:key_len], value[:value_len], None, None, code, self.reason(code)
                )
            return 0
        return 0

    cdef void _fail(self, const Message *message) noexcept:
        cdef int kind = 0
        cdef int64_t stamp = timestamp(message, &kind)
        try:
            self._on_failure(
                None if message.key is NULL else (<const char *> message.key)[: message.key_len],
                None if message.payload is NULL else (<const char *> message.payload)[: message.len],
                None if message.partition < 0 else message.partition,
                stamp if kind else None,
                message.err,
                self.reason(message.err),
            )
        except BaseException as error:  # C called us: it is raised when Python is asked for something again
            self._broken = error


cdef const unsigned char *_find(
    const unsigned char *begin, const unsigned char *end, const unsigned char *mark, size_t length
) noexcept nogil:
    """Where a mark of one byte or more first is; NULL when it is not there."""
    cdef const unsigned char *at = begin
    while at + length <= end:
        at = <const unsigned char *> memchr(at, mark[0], end - at - length + 1)
        if at is NULL or length == 1 or memcmp(at, mark, length) == 0:
            return at
        at += 1
    return NULL
