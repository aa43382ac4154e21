"""Encoded data sets: memory from a bounded pool, handed over and given back by reference count."""

from collections import deque

cimport cython
from cpython.buffer cimport PyBuffer_FillInfo


@cython.final
cdef class BufferPool:
    """Memory that is kept for the next data set.

    Parameters
    ----------
    limit
        The most bytes that are kept while nobody uses them.

    Attributes
    ----------
    waiting
        What is to be called when memory has been given back, in this order; each is taken away and called.
    """

    def __cinit__(self, int64_t limit):
        if limit < 0:
            raise ValueError(f"limit is {limit}; it must not be negative")
        fd_pool_open(&self.pool, limit)
        self.waiting = deque()

    def __dealloc__(self):
        fd_pool_close(&self.pool)

    def read_file(self, int descriptor, uint64_t offset, size_t length):
        """Read a part of a file into memory from the pool.

        Parameters
        ----------
        descriptor
            The open file. Its position may change.
        offset, length
            Which part, in bytes.

        Returns
        -------
        Buffer
            As long as `length`, or as there is of the file.

        Raises
        ------
        OSError
            When it cannot be read.
        """
        cdef fd_block block
        cdef size_t done = 0
        cdef int failure
        if fd_pool_take(&self.pool, length, &block) != 0:
            raise MemoryError(f"no memory for {length} bytes of a file")
        with nogil:
            failure = fd_file_read(descriptor, offset, block.p, length, &done)
        buffer = Buffer.adopt(self, block, done)
        if failure:
            raise OSError(failure, f"{length} bytes at offset {offset} of a file cannot be read")
        return buffer

    @property
    def kept(self):
        """Bytes that lie in the pool at this moment."""
        return self.pool.kept

    @property
    def used(self):
        """Bytes in memory that has been taken and not been given back."""
        return self.pool.used

    @property
    def budget(self):
        """For these bytes, as far as they belong to received data sets; 0 for no such bound."""
        return self.pool.budget

    @budget.setter
    def budget(self, int64_t value):
        if value < 0:
            raise ValueError(f"budget is {value}; it must not be negative")
        self.pool.budget = value
        self.tell_next()

    def has_room(self, size_t n):
        """Whether n bytes more may be had within the budget, as of now."""
        return fd_pool_has_room(&self.pool, n) != 0

    cdef int tell_room(self) except -1:
        # One after the other, in the order they have come: who has got what it waits for tells the next one.
        try:
            wake = self.waiting.popleft()
        except IndexError:  # another thread has
            return 0
        wake()
        return 0

    def tell_next(self):
        """Call who waits for longest, if there is any room."""
        if self.waiting and fd_pool_has_room(&self.pool, 1):
            self.tell_room()


# Nothing that a buffer refers to can refer to it; and its pool must be there when it is deallocated.
@cython.no_gc
@cython.final
cdef class Buffer:
    """The bytes of an encoded data set; read-only. Use `memoryview` or `bytes` on it."""

    @staticmethod
    cdef Buffer adopt(BufferPool owner, fd_block block, size_t length):
        cdef Buffer self = Buffer.__new__(Buffer)
        self.owner = owner
        self.block = block
        self.length = <Py_ssize_t>length
        return self

    def __dealloc__(self):
        if self.block.p != NULL:
            fd_pool_give(&self.owner.pool, &self.block)
            if self.owner.waiting:
                self.owner.tell_room()

    @property
    def capacity(self):
        """Bytes of the memory that it has taken."""
        return self.block.capacity

    def __len__(self):
        return self.length

    def __getbuffer__(self, Py_buffer *view, int flags):
        # An empty data set has no block; any address will do for its no bytes.
        cdef void *p = self.block.p if self.block.p != NULL else <void *>self
        PyBuffer_FillInfo(view, self, p, self.length, 1, flags)

    def __releasebuffer__(self, Py_buffer *view):
        pass
