# cython: language_level=3, boundscheck=False, wraparound=False
"""Reading of records as lines through the public C API of the librdkafka that confluent_kafka has loaded.

An object for every record takes twice the time of librdkafka itself. Here no record becomes an object.
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
    """Find librdkafka's functions through the extension module at `path`, which has librdkafka loaded.

    Raise ImportError where the module is not loaded or a function is missing.
    """
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
    """Return the memory of a text. It is valid as long as the text exists."""
    return Piece(text, len(text))


cdef int _raise(void *error) except -1:
    """Raise ValueError for an error of librdkafka, and free it; return 0 for NULL."""
    if error is NULL:
        return 0
    text = error_string(error).decode()
    error_destroy(error)
    raise ValueError(text)


cdef void *_list_of(partitions) except NULL:
    """Return partitions, (topic, partition, offset) each, as librdkafka's list, which the caller destroys."""
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
    """A consumer of partitions assigned by hand. It writes a record as [KEY SEPARATOR] VALUE END."""

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
    """Partitions, (topic, partition) each, whose end is reached."""
    cdef object _error

    def __init__(self, config, bytes separator, bytes end, bytes null):
        """Make the consumer; raise ValueError for a wrong setting. Nothing is read before assign().

        `config` are librdkafka's settings as pairs of text. A `separator` of None leaves keys out; `null` stands for an
        absent key or value.
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
        """Begin to read partitions, (topic, partition, offset) each.

        Wait at most twice `timeout_ms` for the metadata of each topic; a missing answer is no error. Raise ValueError
        for a topic that librdkafka refuses.
        """
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
        """Begin to read more partitions, (topic, partition, offset) each; raise ValueError where librdkafka refuses."""
        found = _list_of(partitions)
        error = incremental_assign(self._client, found)
        list_destroy(found)
        _raise(error)

    def drop(self, partitions):
        """Stop reading partitions, (topic, partition) each; raise ValueError where librdkafka refuses."""
        found = _list_of([(topic, number, 0) for topic, number in partitions])
        error = incremental_unassign(self._client, found)
        list_destroy(found)
        _raise(error)
        self.at_end -= set(partitions)
        self._some_at_end = bool(self.at_end)

    def receive(self, int ms, size_t enough, int64_t limit):
        """Wait for a record, at most `ms`; then take the records that have come.

        They are about `enough` bytes and at most `limit` records; a limit of -1 means no limit. Return the text, the
        number of records, and the end of each record in the text (uint32 in the machine's byte order); all are empty
        where no record came. After an error the records before it are returned, and the next call raises it:
        LookupError with the topic (empty for an error of the whole client), librdkafka's code and its text, or
        MemoryError.
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
        """End the consumer. A second call does nothing."""
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
        if self._records == self._limit:  # nothing is committed here: surplus records are dropped
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
        """Return whether a message is a record and not an event.

        The end of a partition is added to `at_end`, and a record after it removes the partition. An error is kept.
        """
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
