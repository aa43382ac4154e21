"""For how long a wait for messages goes on in the thread that began it."""

cimport cython


@cython.final
cdef class Linger:
    """For how long who waits for a message stays there; after that it may be waited for elsewhere.

    It may be changed while somebody waits: the next wait is as long as it says then.

    Parameters
    ----------
    milliseconds
        As its name says; 0 not to wait at all.

    Attributes
    ----------
    milliseconds
        The same.
    """

    def __cinit__(self, int milliseconds):
        self.moment = milliseconds

    @property
    def milliseconds(self):
        return fd_atomic_get(&self.moment)

    @milliseconds.setter
    def milliseconds(self, int milliseconds):
        fd_atomic_put(&self.moment, milliseconds)
