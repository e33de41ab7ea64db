"""The public C API of the librdkafka that confluent_kafka has loaded. Source: rdkafka.h, whose ABI is stable."""

from libc.stdint cimport int32_t, int64_t


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
ctypedef void *(*new_t)(int, void *, char *, size_t) noexcept nogil
ctypedef void (*destroy_t)(void *) noexcept nogil
ctypedef void *(*topic_new_t)(void *, const char *, void *) noexcept nogil
ctypedef int (*metadata_t)(void *, int, void *, const void **, int) noexcept nogil
ctypedef void (*metadata_destroy_t)(const void *) noexcept nogil
ctypedef int (*poll_t)(void *, int) noexcept nogil
ctypedef const char *(*err2str_t)(int) noexcept nogil

cdef enum:
    PRODUCER = 0
    CONSUMER = 1
    ERROR_BYTES = 512


cdef inline void *loaded(str path) except NULL:
    """Return the handle of the library that the extension module at `path` has loaded.

    Raise ImportError where the module is not loaded.
    """
    cdef bytes encoded = path.encode()
    cdef void *library = dlopen(encoded, RTLD_LAZY | RTLD_NOLOAD)
    if library is NULL:
        raise ImportError(f"{path} is not loaded")
    return library


cdef inline void *symbol(void *library, const char *name) except NULL:
    """Return the address of a function; raise ImportError where the library does not have it."""
    cdef void *found = dlsym(library, name)
    if found is NULL:
        raise ImportError(f"librdkafka has no {name.decode()}")
    return found


cdef struct Common:
    conf_new_t conf_new
    conf_set_t conf_set
    new_t new
    destroy_t destroy, conf_destroy, topic_destroy
    topic_new_t topic_new
    metadata_t metadata
    metadata_destroy_t metadata_destroy
    poll_t poll


cdef inline int bind_common(void *library, Common *api) except -1:
    """Find the functions that producers and consumers both need; raise ImportError where one is missing."""
    api.conf_new = <conf_new_t> symbol(library, b"rd_kafka_conf_new")
    api.conf_set = <conf_set_t> symbol(library, b"rd_kafka_conf_set")
    api.conf_destroy = <destroy_t> symbol(library, b"rd_kafka_conf_destroy")
    api.new = <new_t> symbol(library, b"rd_kafka_new")
    api.destroy = <destroy_t> symbol(library, b"rd_kafka_destroy")
    api.topic_new = <topic_new_t> symbol(library, b"rd_kafka_topic_new")
    api.topic_destroy = <destroy_t> symbol(library, b"rd_kafka_topic_destroy")
    api.metadata = <metadata_t> symbol(library, b"rd_kafka_metadata")
    api.metadata_destroy = <metadata_destroy_t> symbol(library, b"rd_kafka_metadata_destroy")
    api.poll = <poll_t> symbol(library, b"rd_kafka_poll")
    return 0


cdef inline void *configured(const Common *api, config) except NULL:
    """Return new settings from pairs of text; raise ValueError, with librdkafka's text, for a wrong one."""
    cdef char told[ERROR_BYTES]
    cdef bytes name, value
    cdef void *conf = api.conf_new()
    for name_text, value_text in config:
        name, value = name_text.encode(), value_text.encode()
        if api.conf_set(conf, name, value, told, ERROR_BYTES):
            api.conf_destroy(conf)
            raise ValueError(told.decode("utf-8", "replace"))
    return conf


cdef inline void *opened(const Common *api, int kind, void *conf) except NULL:
    """Return a new client with these settings, which it takes over, also where it raises ValueError."""
    cdef char told[ERROR_BYTES]
    cdef void *client = api.new(kind, conf, told, ERROR_BYTES)
    if client is NULL:
        api.conf_destroy(conf)
        raise ValueError(told.decode("utf-8", "replace"))
    return client


cdef inline void acquaint(const Common *api, void *client, void *topic, int timeout_ms) noexcept nogil:
    """Ask for a topic's metadata twice, `timeout_ms` each: the bootstrap server, and then a broker that it names.

    A missing answer is no error. Without this the first record waits half a second, until librdkafka's next round.
    """
    cdef const void *found = NULL
    cdef int round
    for round in range(2):
        if api.metadata(client, 0, topic, &found, timeout_ms) == 0:
            api.metadata_destroy(found)
