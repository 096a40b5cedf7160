/* A C program that is linked with libsluice.so: without a daemon it gets an error with a text. */
#include <stdio.h>

#include "client/sluice.h"

extern int log_from_c(const char* socket_path, sluice_error* error);

int main(void) {
    sluice_error error = {0, 0, ""};
    const int result = log_from_c("/nonexistent/s.sock", &error);
    printf("%d: %s\n", result, error.text);
    return result == -1 && error.code != 0 && error.text[0] != '\0' ? 0 : 1;
}
