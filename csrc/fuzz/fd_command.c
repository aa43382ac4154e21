/* The walk of a command set: each value that is found lies within it and has a length of its VR. */
#include "fd_command.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct fd_command command;
    if (fd_command_walk(p, n, &command) != FD_OK)
        return 0;
    for (int i = 0; i < FD_COMMAND_ELEMENTS; i++) {
        struct fd_span value = command.values[i];
        enum fd_command_vr vr = fd_command_vr(fd_command_element(i));
        if (value.p == NULL)
            continue;
        if (value.p < p || (size_t)(value.p - p) > n || value.n > n - (size_t)(value.p - p))
            abort();
        if ((vr == FD_VR_US && value.n != 2) || (vr == FD_VR_UL && value.n != 4) || (vr == FD_VR_AT && value.n % 4))
            abort();
    }
    return 0;
}
