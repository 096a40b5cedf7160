/* What a C program does with the library; called by c_api_test.cpp. */
#include "client/sluice.h"

int log_from_c(const char *socket_path, sluice_error *error);

int log_from_c(const char *socket_path, sluice_error *error) {
    sluice_options options = {0};
    options.socket_path = socket_path;
    options.client_name = "a C program";
    options.level = SLUICE_WRITTEN;
    sluice_writer *writer = sluice_open(&options, error);
    if (!writer) {
        return -1;
    }
    const sluice_field fields[] = {{"user", "ada"}, {"ms", "17"}};
    const sluice_bytes_field raw[] = {{"blob", "x\0y", 3}, {"empty", NULL, 0}};
    if (sluice_log(writer, SLUICE_INFO, "shop/checkout", "order placed", fields, 2, error) != 0 ||
        sluice_log(writer, SLUICE_ERR, NULL, "order lost", NULL, 0, error) != 0 ||
        sluice_log_bytes(writer, SLUICE_DEBUG, "raw", "a\0b", 3, raw, 2, error) != 0 ||
        sluice_log_bytes(writer, SLUICE_DEBUG, NULL, NULL, 0, NULL, 0, error) != 0 ||
        sluice_flush(writer, 20000, error) != 0) {
        (void)sluice_close(writer, 0, NULL);
        return -1;
    }
    return sluice_close(writer, 20000, error);
}
