// Makes the bundles of slots_support.h, by docs/WIRE.md and not by slots.c.
#include "slots_support.h"

#include <psa/crypto.h>
#include <string.h>

const uint8_t engine_id[8] = {1, 2, 3, 4, 5, 6, 7, 8}, api_hash[8] = {11, 12, 13, 14, 15, 16, 17, 18};

const uint8_t *body_of(int seed)
{
    static uint8_t bodies[SEED_MAX + 1][BODY_LENGTH];
    CHECK(seed >= 0 && seed <= SEED_MAX);
    uint32_t state = (uint32_t)seed * 2654435761u + 1;
    for (size_t i = 0; i < BODY_LENGTH; i++) {
        state = state * 1664525u + 1013904223u;
        bodies[seed][i] = (uint8_t)(state >> 24);
    }
    return bodies[seed];
}

void seal_header(uint8_t header[BUNDLE_HEADER_SIZE])
{
    uint32_t crc = crc32_ieee(header, 252); // proven by itself: crc_is_the_one_of_zlib
    for (int i = 0; i < 4; i++) header[252 + i] = (uint8_t)(crc >> (8 * i));
}

void make_header(uint8_t header[BUNDLE_HEADER_SIZE], const uint8_t *body, uint32_t length)
{
    size_t sum_length;
    memset(header, 0, BUNDLE_HEADER_SIZE);
    memcpy(header, "HEARTHB1", 8);
    header[8] = 1;
    for (int i = 0; i < 4; i++) header[12 + i] = (uint8_t)(length >> (8 * i));
    CHECK(psa_hash_compute(PSA_ALG_SHA_256, body, length, header + 16, 32, &sum_length) == PSA_SUCCESS);
    strcpy((char *)header + 48, "energy");
    strcpy((char *)header + 64, "1.2.3");
    memcpy(header + 80, engine_id, 8);
    memcpy(header + 88, api_hash, 8);
    header[100] = 1;
    header[102] = 25;
    header[103] = 0x13;
    seal_header(header);
}

void install(enum port_partition slot, int seed, uint32_t sequence)
{
    uint8_t *cells = fake.cells[slot];
    const uint8_t *body = body_of(seed);
    memset(cells, 0xFF, FAKE_SIZE);
    make_header(cells, body, BODY_LENGTH);
    for (int i = 0; i < 4; i++) cells[244 + i] = (uint8_t)(sequence >> (8 * i));
    seal_header(cells);
    memcpy(cells + BUNDLE_BODY_OFFSET, body, BODY_LENGTH);
}
