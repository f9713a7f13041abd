// The few names of ESP-IDF's Ethernet that native/esp32/port_net_eth.c needs. The test sees what the port asks for.
#pragma once

#include "esp_err.h"

typedef struct esp_eth_part esp_eth_mac_t;
typedef struct esp_eth_part esp_eth_phy_t;
struct esp_eth_part {
    esp_err_t (*del)(struct esp_eth_part *part);
};
typedef void *esp_eth_handle_t;

typedef struct {
    int unused;
} eth_mac_config_t;
#define ETH_MAC_DEFAULT_CONFIG() ((eth_mac_config_t){0})
typedef struct {
    int phy_addr, reset_gpio_num;
} eth_phy_config_t;
#define ETH_PHY_DEFAULT_CONFIG() ((eth_phy_config_t){.phy_addr = -2, .reset_gpio_num = 5})

typedef enum { EMAC_DATA_INTERFACE_NONE, EMAC_DATA_INTERFACE_RMII } eth_data_interface_t;
typedef enum { EMAC_CLK_DEFAULT, EMAC_CLK_EXT_IN, EMAC_CLK_OUT } emac_rmii_clock_mode_t;
typedef struct {
    struct {
        int mdc_num, mdio_num;
    } smi_gpio;
    eth_data_interface_t interface;
    struct {
        struct {
            emac_rmii_clock_mode_t clock_mode;
            int clock_gpio;
        } rmii;
    } clock_config;
} eth_esp32_emac_config_t;
// None of the values that a board has.
#define ETH_ESP32_EMAC_DEFAULT_CONFIG() ((eth_esp32_emac_config_t){.smi_gpio = {-1, -1}, .clock_config = {.rmii = {.clock_gpio = -1}}})

esp_eth_mac_t *esp_eth_mac_new_esp32(const eth_esp32_emac_config_t *emac, const eth_mac_config_t *config);
esp_eth_phy_t *esp_eth_phy_new_generic(const eth_phy_config_t *config);
esp_eth_phy_t *esp_eth_phy_new_lan87xx(const eth_phy_config_t *config);

typedef struct {
    esp_eth_mac_t *mac;
    esp_eth_phy_t *phy;
} esp_eth_config_t;
#define ETH_DEFAULT_CONFIG(m, p) ((esp_eth_config_t){.mac = (m), .phy = (p)})
esp_err_t esp_eth_driver_install(const esp_eth_config_t *config, esp_eth_handle_t *handle);
esp_err_t esp_eth_start(esp_eth_handle_t handle);
esp_err_t esp_eth_stop(esp_eth_handle_t handle);
void *esp_eth_new_netif_glue(esp_eth_handle_t handle);
