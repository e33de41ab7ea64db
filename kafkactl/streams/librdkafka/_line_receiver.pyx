# cython: language_level=3, boundscheck=False, wraparound=False
"""A topic's records as lines through librdkafka's own public C API, of the copy that confluent_kafka has loaded.

An object for every record costs twice what librdkafka itself does; no record becomes one here.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from kafkactl.streams.librdkafka._librdkafka cimport (
    CONSUMER, Common, Message, acquaint, bind_common, configured, destroy_t, err2str_t, loaded, opened, symbol,
)

ctypedef void *(*list_new_t)(int) noexcept nogil
ctypedef void *(*list_add_t)(void *, const char *, int32_t) noexcept nogil
ctypedef int (*list_set_offset_t)(void *, const char *, int32_t, int64_t) noexcept nogil
ctypedef int (*assign_t)(void *, void *) noexcept nogil
ctypedef void *(*incremental_t)(void *, void *) noexcept nogil
ctypedef const char *(*error_string_t)(void *) noexcept nogil
ctypedef void *(*queue_t)(void *) noexcept nogil
ctypedef void (*consumed_t)(Message *, void *) noexcept nogil
ctypedef int (*consume_t)(void *, int, consumed_t, void *) noexcept nogil
ctypedef const char *(*topic_name_t)(void *) noexcept nogil

cdef Common api
cdef list_new_t list_new
cdef list_add_t list_add
cdef list_set_offset_t list_set_offset
cdef destroy_t list_destroy, queue_destroy, yield_
cdef assign_t assign
cdef incremental_t incremental_assign, incremental_unassign
cdef error_string_t error_string
cdef destroy_t error_destroy
cdef queue_t consumer_queue
cdef consume_t consume
cdef topic_name_t topic_name
cdef err2str_t err2str

cdef enum:
    NO_ERROR = 0
    PARTITION_EOF = -191
    GROUP_AUTHORIZATION_FAILED = 30
    NO_MEMORY = -1
    SMALLEST = 1 << 16
    FEWEST_ENDS = 1 << 12


def bind(str path):
    """Finds the functions by an extension module that has librdkafka loaded; raises ImportError."""
    global list_new, list_add, list_set_offset, list_destroy, queue_destroy, yield_, assign, consumer_queue
    global consume, topic_name, err2str, incremental_assign, incremental_unassign, error_string, error_destroy
    library = loaded(path)
    bind_common(library, &api)
    list_new = <list_new_t> symbol(library, b"rd_kafka_topic_partition_list_new")
    list_add = <list_add_t> symbol(library, b"rd_kafka_topic_partition_list_add")
    list_set_offset = <list_set_offset_t> symbol(library, b"rd_kafka_topic_partition_list_set_offset")
    list_destroy = <destroy_t> symbol(library, b"rd_kafka_topic_partition_list_destroy")
    queue_destroy = <destroy_t> symbol(library, b"rd_kafka_queue_destroy")
    yield_ = <destroy_t> symbol(library, b"rd_kafka_yield")
    assign = <assign_t> symbol(library, b"rd_kafka_assign")
    error_string = <error_string_t> symbol(library, b"rd_kafka_error_string")
    error_destroy = <destroy_t> symbol(library, b"rd_kafka_error_destroy")
    incremental_assign = <incremental_t> symbol(library, b"rd_kafka_incremental_assign")
    incremental_unassign = <incremental_t> symbol(library, b"rd_kafka_incremental_unassign")
    consumer_queue = <queue_t> symbol(library, b"rd_kafka_queue_get_consumer")
    consume = <consume_t> symbol(library, b"rd_kafka_consume_callback_queue")
    topic_name = <topic_name_t> symbol(library, b"rd_kafka_topic_name")
    err2str = <err2str_t> symbol(library, b"rd_kafka_err2str")


cdef struct Piece:
    const char *data
    size_t length


cdef Piece _piece(bytes text):
    """Its memory, which is there as long as `text` is."""
    return Piece(text, len(text))


cdef int _raise(void *error) except -1:
    """Raise ValueError for an error of librdkafka's, and free it."""
    if error is NULL:
        return 0
    text = error_string(error).decode()
    error_destroy(error)
    raise ValueError(text)


cdef void *_list_of(partitions) except NULL:
    """The partitions as librdkafka's list, which the caller destroys."""
    cdef bytes name
    found = list_new(len(partitions))
    for topic, number, offset in partitions:
        name = topic.encode()
        list_add(found, name, number)
        list_set_offset(found, name, number, offset)
    return found


cdef void _consumed(Message *message, void *opaque) noexcept nogil:
    (<LineReceiver> opaque)._take(message)


cdef class LineReceiver:
    """A consumer of partitions assigned by hand, and how their records are put: [KEY SEPARATOR] VALUE END."""

    cdef void *_client
    cdef void *_queue
    cdef Piece _separator, _end, _null
    cdef tuple _kept
    cdef bint _with_key
    cdef char *_text
    cdef uint32_t *_ends
    cdef size_t _length, _room, _enough, _room_for_ends
    cdef int64_t _records, _limit
    cdef bint _some_at_end
    cdef readonly set at_end
    """(topic, partition) of those whose end is reached."""
    cdef object _error

    def __init__(self, config, bytes separator, bytes end, bytes null):
        """`config` are librdkafka's settings as pairs of text; without a separator keys are left out.

        Raises ValueError for a wrong setting.
        """
        self._with_key = separator is not None
        self._kept = separator or b"", end, null
        self._separator, self._end, self._null = _piece(self._kept[0]), _piece(end), _piece(null)
        self.at_end = set()
        self._some_at_end = False
        self._error = None
        self._client = opened(&api, CONSUMER, configured(&api, config))
        self._queue = consumer_queue(self._client)

    def assign(self, partitions, int timeout_ms):
        """Begins to read (topic, partition, offset) each."""
        cdef bytes name
        cdef void *topic
        for each in {each[0] for each in partitions}:
            name = each.encode()
            topic = api.topic_new(self._client, name, NULL)
            if topic is NULL:
                raise ValueError(f"librdkafka takes no topic {each!r}")
            with nogil:
                acquaint(&api, self._client, topic, timeout_ms)
                api.topic_destroy(topic)
        found = _list_of(partitions)
        assign(self._client, found)
        list_destroy(found)

    def add(self, partitions):
        """Begin to read more partitions: (topic, partition, offset) each."""
        found = _list_of(partitions)
        error = incremental_assign(self._client, found)
        list_destroy(found)
        _raise(error)

    def drop(self, partitions):
        """Read some partitions no more: (topic, partition) each."""
        found = _list_of([(topic, number, 0) for topic, number in partitions])
        error = incremental_unassign(self._client, found)
        list_destroy(found)
        _raise(error)
        self.at_end -= set(partitions)
        self._some_at_end = bool(self.at_end)

    def receive(self, int ms, size_t enough, int64_t limit):
        """Waits for a record, then takes what has come: up to about `enough` bytes and at most `limit` records.

        Returns text, number of records, and where each record ends in the text (uint32 in the machine's order). What
        came before an error is returned first; the error is the next call's: raises LookupError of topic (empty for an
        error of the whole client), librdkafka's code and its text.
        """
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        self._length = self._records = 0
        self._enough, self._limit = enough, limit
        with nogil:
            api.poll(self._client, 0)
            consume(self._queue, ms, _consumed, <void *> self)
        ends = PyBytes_FromStringAndSize(<char *> self._ends, self._records * sizeof(uint32_t))
        return self._text[: self._length], self._records, ends

    def close(self):
        """Ends the consumer."""
        if self._client is not NULL:
            with nogil:
                queue_destroy(self._queue)
                api.destroy(self._client)
            self._client = NULL

    def __dealloc__(self):
        free(self._text)
        free(self._ends)

    cdef void _take(self, const Message *message) noexcept nogil:
        if message.err or self._some_at_end:
            with gil:
                if not self._is_record(message):
                    return
        if self._records == self._limit:  # nothing is committed here: what comes too much is let go
            return
        if not self._make_room(message):
            with gil:
                self._error = MemoryError()
            yield_(self._client)
            return
        if self._with_key:
            self._put(Piece(<const char *> message.key, message.key_len))
            self._put(self._separator)
        self._put(Piece(<const char *> message.payload, message.len))
        self._put(self._end)
        self._ends[self._records] = <uint32_t> self._length
        self._records += 1
        if self._length >= self._enough or self._records == self._limit:
            yield_(self._client)

    cdef bint _is_record(self, const Message *message) noexcept:
        """Whether it is one and not an event; a partition's end, and what follows it, are kept in `at_end`."""
        # Errors of the whole group have no topic. The group is invented and never joined: no right to it is needed.
        if message.topic is NULL and message.err == GROUP_AUTHORIZATION_FAILED:
            return False
        name = "" if message.topic is NULL else topic_name(message.topic).decode()
        if message.err == NO_ERROR:
            self.at_end.discard((name, message.partition))
        elif message.err == PARTITION_EOF:
            self.at_end.add((name, message.partition))
        else:
            self._error = LookupError(name, message.err, err2str(message.err).decode())
            yield_(self._client)
        self._some_at_end = bool(self.at_end)
        return message.err == NO_ERROR

    cdef bint _make_room(self, const Message *message) noexcept nogil:
        cdef size_t wanted = self._length + message.key_len + message.len + 2 * self._null.length
        wanted += self._separator.length + self._end.length
        if <size_t> self._records == self._room_for_ends and not self._make_room_for_ends():
            return False
        if wanted <= self._room:
            return True
        wanted = max(2 * wanted, <size_t> SMALLEST)
        text = <char *> realloc(self._text, wanted)
        if text is NULL:
            return False
        self._text, self._room = text, wanted
        return True

    cdef bint _make_room_for_ends(self) noexcept nogil:
        cdef size_t wanted = max(2 * self._room_for_ends, <size_t> FEWEST_ENDS)
        ends = <uint32_t *> realloc(self._ends, wanted * sizeof(uint32_t))
        if ends is NULL:
            return False
        self._ends, self._room_for_ends = ends, wanted
        return True

    cdef void _put(self, Piece piece) noexcept nogil:
        if piece.data is NULL:
            piece = self._null
        memcpy(self._text + self._length, piece.data, piece.length)
        self._length += piece.length
