# native/ as a component of the ESP-IDF project: the common code and esp32/. Included by ../CMakeLists.txt, also in IDF's first pass
# over all components, which only takes names of components from it.
set(watch CONFIGURE_DEPENDS) # a new file is seen by the next build
if(CMAKE_BUILD_EARLY_EXPANSION)
  unset(watch) # not known to scripts
endif()
if(IDF_VERSION_MAJOR GREATER_EQUAL 6)
  set(hal_wdt esp_hal_wdt) # before, it is part of hal, which all components have
endif()
file(GLOB sources ${watch} "${CMAKE_CURRENT_LIST_DIR}/../*.c" "${CMAKE_CURRENT_LIST_DIR}/*.c")
idf_component_register(
  SRCS ${sources}
  PRIV_REQUIRES
    quickjs app_update bootloader_support esp_app_format esp_driver_gpio esp_driver_i2c esp_driver_pcnt esp_driver_rmt esp_driver_uart
    esp_driver_usb_serial_jtag esp_eth esp_event esp_netif esp_partition esp_pm esp_timer esp_wifi espcoredump littlefs lwip mbedtls
    nvs_flash spi_flash vfs ${hal_wdt}
  KCONFIG "${CMAKE_CURRENT_LIST_DIR}/Kconfig")
idf_build_get_property(version PROJECT_VER)
idf_build_get_property(target IDF_TARGET)

set(generated "${CMAKE_CURRENT_BINARY_DIR}/embedded.c")
set(embed_script "${CMAKE_CURRENT_LIST_DIR}/../embed.cmake")
add_custom_command(OUTPUT "${generated}"
  COMMAND "${CMAKE_COMMAND}" "-DBUNDLE=${HEARTH_RECOVERY_BUNDLE}" "-DESPNOW_BUNDLE=${HEARTH_RECOVERY_ESPNOW_BUNDLE}"
          "-DNAMES=${HEARTH_NAMES}" "-DENGINE_ID=${HEARTH_ENGINE_ID}" "-DAPI_HASH=${HEARTH_API_HASH}"
          "-DMACHINE=${target}" "-DFIRMWARE_VERSION=${version}" "-DOUTPUT=${generated}" -P "${embed_script}"
  DEPENDS "${embed_script}" "${HEARTH_NAMES}" "${HEARTH_RECOVERY_BUNDLE}" "${HEARTH_RECOVERY_ESPNOW_BUNDLE}"
  VERBATIM)
target_sources(${COMPONENT_LIB} PRIVATE "${generated}")
target_include_directories(${COMPONENT_LIB} PRIVATE "${CMAKE_CURRENT_LIST_DIR}/..")
# As a system folder: our warnings are not for the engine.
target_include_directories(${COMPONENT_LIB} SYSTEM PRIVATE "${HEARTH_QUICKJS_DIR}")
target_compile_definitions(${COMPONENT_LIB} PRIVATE _GNU_SOURCE)
target_compile_options(${COMPONENT_LIB} PRIVATE -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wvla)
