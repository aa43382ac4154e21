/* Runs a target once for each file that is named, without libFuzzer: with any compiler, under any sanitizer.
 *
 * `replay FILE…`. What a target does not like ends the program; the last name that it said is the input's. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LONGEST ((size_t)1 << 22)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int replay(const char *name)
{
    FILE *file = fopen(name, "rb");
    uint8_t *room = malloc(LONGEST);
    if (file == NULL || room == NULL) {
        fprintf(stderr, "%s cannot be read\n", name);
        return 1;
    }
    size_t n = fread(room, 1, LONGEST, file);
    fclose(file);
    /* As long as the input is, so that the sanitizer sees a look beyond it. */
    uint8_t *p = realloc(room, n != 0 ? n : 1);
    if (p == NULL)
        return 1;
    fprintf(stderr, "%s\n", name);
    LLVMFuzzerTestOneInput(p, n);
    free(p);
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (replay(argv[i]) != 0)
            return 1;
    }
    printf("%s: %d inputs\n", argv[0], argc - 1);
    return 0;
}
