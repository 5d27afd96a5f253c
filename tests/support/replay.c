/* SPDX-License-Identifier: MIT */
/*
 * The main function of build/replay-NAME: gives a fuzz target every file of its corpus once, and
 * the empty input. Each input ends where its memory ends, so that sanitizers see a read past it.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    size_t size = (size_t) ftell(file);
    uint8_t *data = malloc(size > 0 ? size : 1);
    rewind(file);
    if (data == NULL || fread(data, 1, size, file) != size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

int main(int argc, char **argv)
{
    int inputs = 1;
    DIR *corpus = argc == 2 ? opendir(argv[1]) : NULL;
    LLVMFuzzerTestOneInput((const uint8_t *) "", 0);
    for (struct dirent *entry; corpus != NULL && (entry = readdir(corpus)) != NULL;) {
        char path[4096];
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
            replay(path);
            inputs++;
        }
    }
    if (corpus != NULL) {
        closedir(corpus);
    }
    printf("%s: %d inputs replayed\n", argv[0], inputs);
    return 0;
}
