# Writes a C file with the recovery bundles, the engine's names and the image's descriptor. Run with cmake -P by the build, with MACHINE,
# FIRMWARE_VERSION, ENGINE_ID, API_HASH, BUNDLE, ESPNOW_BUNDLE, NAMES and OUTPUT; both BUNDLEs and NAMES are files, or empty for none.

function(append_bytes name file)
  set(size 0)
  set(bytes "0")
  if(NOT file STREQUAL "")
    file(SIZE "${file}" size)
    file(READ "${file}" bytes HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  endif()
  # Aligned, because bytecode and names are used in place.
  string(APPEND text "const uint8_t ${name}[] __attribute__((aligned(8))) = {\n${bytes}\n};\n")
  string(APPEND text "const size_t ${name}_size = ${size};\n")
  set(text "${text}" PARENT_SCOPE)
endfunction()

set(text "// Made by embed.cmake.\n#include \"embedded.h\"\n\n")
string(REGEX REPLACE "(..)" "0x\\1," id "${ENGINE_ID}")
string(REGEX REPLACE "(..)" "0x\\1," api "${API_HASH}")
string(APPEND text "const struct firmware_descriptor embedded_descriptor = {{'H', 'E', 'A', 'R', 'T', 'H', 'F', '1'},\n")
string(APPEND text "    \"${MACHINE}\", \"${FIRMWARE_VERSION}\", {${id}}, {${api}}};\n")
append_bytes(embedded_recovery "${BUNDLE}")
append_bytes(embedded_recovery_espnow "${ESPNOW_BUNDLE}")
append_bytes(embedded_names "${NAMES}")
file(WRITE "${OUTPUT}" "${text}")
