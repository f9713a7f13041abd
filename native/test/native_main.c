// Tests of the common C code that has no engine in it: `native_test CASE` runs one case, `native_test --list` prints the cases.
// The case noise_published reads the published vectors from standard input, as tests/native/common_c.test.ts writes them.
#include "native_test.h"

#include <psa/crypto.h>
#include <string.h>

int main(int argc, char **argv)
{
    static const struct c_test *const tables[] = {boot_tests,     slots_tests,  staging_tests, firmware_tests,
                                                  config_tests,   text_tests,   noise_tests,   edge_burst_tests,
                                                  recovery_tests, trials_tests, patch_tests};
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    if (argc != 2 || psa_crypto_init() != PSA_SUCCESS) return 2;
    for (size_t table = 0; table < sizeof tables / sizeof tables[0]; table++) {
        for (const struct c_test *test = tables[table]; test->name != NULL; test++) {
            if (list) {
                puts(test->name);
            } else if (strcmp(test->name, argv[1]) == 0) {
                fake_reset();
                test->run();
                return 0;
            }
        }
    }
    return list ? 0 : 2;
}
