// The entry of the host firmware: reads the options of docs/BOARD.md, starts the port's parts and hands over to the common code.
#include "../embedded.h"
#include "host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// native/main.c
int hearth_main(void);
void hearth_print_exports(void (*line)(const char *));

static const char help[] =
    "hearth: the Hearth firmware on a PC\n"
    "\n"
    "  --flash DIR       folder with the state of the chip (made when it is not there)\n"
    "  --board SOCKET    Unix socket of the virtual board: pins, buses, Wi-Fi and time come from it\n"
    "  --air DIR         ESP-NOW over datagram sockets in this folder, one for each radio, instead of over the board\n"
    "  --air-faults LIST what that air does to frames sent from here, e.g. loss=30,delay=5,seed=7 (docs/BOARD.md)\n"
    "  --serial PTY      terminal device that is the serial console: log lines and the update protocol\n"
    "  --reset N         why this boot happens: 0 power on (default), 1 software, 2 watchdog, 3 panic,\n"
    "                    4 deep sleep, 5 brown-out; RTC memory is kept unless it is 0\n"
    "  --address IP      the interface's address when no board decides (default 127.0.0.1)\n"
    "  --id HEX12        the chip's unique id, 12 hex digits (default: made once, kept in the flash folder)\n"
    "  --firmware-slot N the firmware slot, 0 or 1, that the boot loader took this program from (default: it has none)\n"
    "  --files-size N    bytes of the files partition (default 4194304)\n"
    "  --heap-limit N    bytes the engine may hold; more is out of memory (default 0: no limit)\n"
    "  --fast-wait       virtual time without a board: jump to the next deadline\n"
    "  --seed N          repeatable random numbers. For simulation only: keys made from them are no secret;\n"
    "                    give each boot a seed of its own\n"
    "  --cut N           lose the power at the N-th operation on flash, NVS or files (exit code 99)\n"
    "  --cut-seed N      what the cut leaves behind (default 0)\n"
    "  --count-flash     report each such operation to the board\n"
    "  --flash-times     erasing and writing take the time that a W25Q32 typically does: 45 ms a sector, 0.7 ms a page\n"
    "  --count-heap      report the engine's heap to the board whenever the device goes idle\n"
    "  --print-exports   print the native API as name/arity lines and end\n"
    "  --help            this text\n"
    "\n"
    "Exit codes: 0 asked to end, 11 restart, 12 watchdog, 14 deep sleep, 99 power cut, 1 cannot start, 2 bad option.\n";

enum option_id {
    OPT_FLASH = 1000,
    OPT_BOARD,
    OPT_AIR,
    OPT_AIR_FAULTS,
    OPT_SERIAL,
    OPT_RESET,
    OPT_ADDRESS,
    OPT_ID,
    OPT_FIRMWARE_SLOT,
    OPT_FILES_SIZE,
    OPT_HEAP_LIMIT,
    OPT_FAST_WAIT,
    OPT_SEED,
    OPT_CUT,
    OPT_CUT_SEED,
    OPT_COUNT_FLASH,
    OPT_FLASH_TIMES,
    OPT_COUNT_HEAP,
    OPT_PRINT_EXPORTS,
    OPT_HELP,
};

static const struct option options[] = {
    {"flash", required_argument, NULL, OPT_FLASH},
    {"board", required_argument, NULL, OPT_BOARD},
    {"air", required_argument, NULL, OPT_AIR},
    {"air-faults", required_argument, NULL, OPT_AIR_FAULTS},
    {"serial", required_argument, NULL, OPT_SERIAL},
    {"reset", required_argument, NULL, OPT_RESET},
    {"address", required_argument, NULL, OPT_ADDRESS},
    {"id", required_argument, NULL, OPT_ID},
    {"firmware-slot", required_argument, NULL, OPT_FIRMWARE_SLOT},
    {"files-size", required_argument, NULL, OPT_FILES_SIZE},
    {"heap-limit", required_argument, NULL, OPT_HEAP_LIMIT},
    {"fast-wait", no_argument, NULL, OPT_FAST_WAIT},
    {"seed", required_argument, NULL, OPT_SEED},
    {"cut", required_argument, NULL, OPT_CUT},
    {"cut-seed", required_argument, NULL, OPT_CUT_SEED},
    {"count-flash", no_argument, NULL, OPT_COUNT_FLASH},
    {"flash-times", no_argument, NULL, OPT_FLASH_TIMES},
    {"count-heap", no_argument, NULL, OPT_COUNT_HEAP},
    {"print-exports", no_argument, NULL, OPT_PRINT_EXPORTS},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static void print_line(const char *line)
{
    puts(line);
}

static uint64_t number(const char *name, const char *text, uint64_t max)
{
    char *rest = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &rest, 10);
    if (errno != 0 || rest == text || *rest != '\0' || text[0] == '-' || value > max) {
        fprintf(stderr, "hearth: --%s takes a number from 0 to %llu, not '%s'\n", name, (unsigned long long)max, text);
        exit(2);
    }
    return value;
}

static void parse(int argc, char **argv)
{
    int option, index = 0;
    while ((option = getopt_long(argc, argv, "", options, &index)) != -1) {
        const char *name = option >= OPT_FLASH ? options[index].name : "";
        switch (option) {
        case OPT_FLASH: host_options.flash_dir = optarg; break;
        case OPT_BOARD: host_options.board = optarg; break;
        case OPT_AIR: host_options.air = optarg; break;
        case OPT_AIR_FAULTS:
            if (!host_air_faults(optarg)) {
                fprintf(stderr, "hearth: --air-faults takes NAME=NUMBER,... (see docs/BOARD.md), not '%s'\n", optarg);
                exit(2);
            }
            break;
        case OPT_SERIAL: host_options.serial = optarg; break;
        case OPT_RESET: host_options.reset = (enum port_reset)number(name, optarg, PORT_RESET_BROWNOUT); break;
        case OPT_ADDRESS:
            if (inet_pton(AF_INET, optarg, host_options.address) != 1) {
                fprintf(stderr, "hearth: --address takes an IPv4 address, not '%s'\n", optarg);
                exit(2);
            }
            break;
        case OPT_ID:
            if (strlen(optarg) != 12 || strspn(optarg, "0123456789abcdefABCDEF") != 12) {
                fprintf(stderr, "hearth: --id takes 12 hex digits, not '%s'\n", optarg);
                exit(2);
            }
            host_options.id = optarg;
            break;
        case OPT_FIRMWARE_SLOT: host_options.firmware_slot = (int)number(name, optarg, 1); break;
        case OPT_FILES_SIZE: host_options.files_size = (uint32_t)number(name, optarg, INT32_MAX); break;
        case OPT_HEAP_LIMIT: host_options.heap_limit = (uint32_t)number(name, optarg, UINT32_MAX); break;
        case OPT_FAST_WAIT: host_options.fast_wait = true; break;
        case OPT_SEED:
            host_options.seed = number(name, optarg, UINT64_MAX);
            host_options.has_seed = true;
            break;
        case OPT_CUT: host_options.cut = (uint32_t)number(name, optarg, UINT32_MAX); break;
        case OPT_CUT_SEED: host_options.cut_seed = number(name, optarg, UINT64_MAX); break;
        case OPT_COUNT_FLASH: host_options.count_flash = true; break;
        case OPT_FLASH_TIMES: host_options.flash_times = true; break;
        case OPT_COUNT_HEAP: host_options.count_heap = true; break;
        case OPT_PRINT_EXPORTS: hearth_print_exports(print_line); exit(0);
        case OPT_HELP: fputs(help, stdout); exit(0);
        default: fputs("hearth: see --help\n", stderr); exit(2);
        }
    }
    if (optind < argc || host_options.flash_dir == NULL) {
        fputs(optind < argc ? "hearth: takes options only; see --help\n" : "hearth: --flash DIR is missing; see --help\n",
              stderr);
        exit(2);
    }
}

static void need(int result, const char *what)
{
    if (result >= 0) return;
    fprintf(stderr, "hearth: cannot start %s in %s (error %d)\n", what, host_options.flash_dir, result);
    exit(1);
}

int main(int argc, char **argv)
{
    host_options.version = embedded_descriptor.version;
    parse(argc, argv);
    signal(SIGPIPE, SIG_IGN); // a peer that has gone is an error code of the socket, not the end of the firmware
    need(host_time_start(), "the clock");
    need(host_sys_start(), "the chip's state");
    need(host_console_start(), "the serial console");
    // The board first: from here on every storage operation is counted there.
    need(host_board_start(), "the board");
    need(host_flash_start(), "flash");
    need(host_firmware_start(), "the firmware slots");
    need(host_nvs_start(), "NVS");
    need(host_file_start(), "files");
    return hearth_main();
}
