// Runs the chip port's Ethernet on a PC, over fake_idf/: which pins, clock and PHY each of the two boards gets, and what becomes of the
// board's power. `eth_test CASE` runs one case, `eth_test --list` prints the cases.
#include "../port_net.h"
#include "../../test/check.h"

#include <string.h>

#include "esp_eth.h"
#include "esp_event.h"
#include "esp_idf_version.h"
#include "esp_netif.h"

static struct {
    eth_esp32_emac_config_t emac;
    eth_phy_config_t phy;
    bool lan87xx;
    int power_pin, power_level; // as port_gpio_mode was told last
    int power_when_made;        // the level when MAC and PHY were made
    int running, deleted;
    esp_event_handler_t on_eth;
    int lost;
    const uint8_t *ip;
} seen = {.power_pin = -1, .power_level = -1};
static esp_err_t install_result;

const esp_event_base_t ETH_EVENT = "eth", IP_EVENT = "ip";

static esp_err_t delete(struct esp_eth_part *part)
{
    (void)part;
    seen.deleted++;
    return ESP_OK;
}

static struct esp_eth_part mac = {.del = delete}, phy = {.del = delete};

esp_eth_mac_t *esp_eth_mac_new_esp32(const eth_esp32_emac_config_t *emac, const eth_mac_config_t *config)
{
    (void)config;
    seen.emac = *emac;
    seen.power_when_made = seen.power_level;
    return &mac;
}

esp_eth_phy_t *esp_eth_phy_new_generic(const eth_phy_config_t *config)
{
    seen.phy = *config;
    seen.lan87xx = false;
    return &phy;
}

esp_eth_phy_t *esp_eth_phy_new_lan87xx(const eth_phy_config_t *config)
{
    seen.phy = *config;
    seen.lan87xx = true;
    return &phy;
}

esp_err_t esp_eth_driver_install(const esp_eth_config_t *config, esp_eth_handle_t *handle)
{
    CHECK(config->mac == &mac && config->phy == &phy);
    *handle = &seen;
    return install_result;
}

esp_err_t esp_eth_start(esp_eth_handle_t handle)
{
    CHECK(handle == &seen);
    seen.running++;
    return ESP_OK;
}

esp_err_t esp_eth_stop(esp_eth_handle_t handle)
{
    CHECK(handle == &seen && seen.power_level == 1);
    seen.running--;
    return ESP_OK;
}

void *esp_eth_new_netif_glue(esp_eth_handle_t handle)
{
    return handle;
}

esp_netif_t *esp_netif_new(const esp_netif_config_t *config)
{
    (void)config;
    return (esp_netif_t *)&seen;
}

esp_err_t esp_netif_attach(esp_netif_t *netif, void *glue)
{
    CHECK(netif != NULL && glue == &seen);
    return ESP_OK;
}

esp_err_t esp_event_handler_register(esp_event_base_t base, int32_t id, esp_event_handler_t handler, void *argument)
{
    (void)id;
    CHECK(argument == NULL);
    if (base == ETH_EVENT) seen.on_eth = handler;
    return ESP_OK;
}

int port_gpio_mode(int pin, enum port_gpio_mode mode, int level)
{
    CHECK(mode == PORT_GPIO_OUTPUT);
    seen.power_pin = pin;
    seen.power_level = level;
    return PORT_OK;
}

int esp32_error(esp_err_t error)
{
    return error == ESP_OK ? PORT_OK : PORT_EIO;
}

void esp32_net_up(const uint8_t ip[4])
{
    seen.ip = ip;
}

void esp32_net_lost(void)
{
    seen.lost++;
}

static void same_of_both_boards(void)
{
    CHECK(seen.emac.smi_gpio.mdc_num == 23 && seen.emac.smi_gpio.mdio_num == 18);
    CHECK(seen.emac.interface == EMAC_DATA_INTERFACE_RMII);
    CHECK(seen.phy.phy_addr == 1 && seen.phy.reset_gpio_num == -1);
    CHECK(seen.power_level == 1 && seen.power_when_made == 1);
}

static void wired_as_the_reference_has_it(void)
{
    CHECK(esp32_eth_on(PORT_NET_WIRED) == PORT_OK);
    same_of_both_boards();
    CHECK(seen.power_pin == 0);
    CHECK(seen.emac.clock_config.rmii.clock_mode == EMAC_CLK_OUT && seen.emac.clock_config.rmii.clock_gpio == 17);
    CHECK(!seen.lan87xx);
}

static void wired2_as_the_reference_has_it(void)
{
    CHECK(esp32_eth_on(PORT_NET_WIRED2) == PORT_OK);
    same_of_both_boards();
    CHECK(seen.power_pin == 16);
    CHECK(seen.emac.clock_config.rmii.clock_mode == EMAC_CLK_EXT_IN && seen.emac.clock_config.rmii.clock_gpio == 0);
    // From ESP-IDF 6 on the LAN8720's own driver is a component elsewhere, and it works with what all PHYs share.
    CHECK(seen.lan87xx == (ESP_IDF_VERSION < ESP_IDF_VERSION_VAL(6, 0, 0)));
}

static void off_takes_the_power_and_on_again_gives_it(void)
{
    CHECK(esp32_eth_on(PORT_NET_WIRED2) == PORT_OK && esp32_eth_connect() == PORT_OK && seen.running == 1);
    CHECK(esp32_eth_connect() == PORT_OK && seen.running == 1);
    CHECK(esp32_eth_off() == PORT_OK && seen.running == 0 && seen.power_pin == 16 && seen.power_level == 0);
    CHECK(esp32_eth_on(PORT_NET_WIRED) == PORT_EBUSY && seen.power_level == 0); // its pins are the other board's for good
    CHECK(esp32_eth_on(PORT_NET_WIRED2) == PORT_OK && seen.power_level == 1);
    CHECK(esp32_eth_connect() == PORT_OK && seen.running == 1);
}

static void a_driver_that_fails_leaves_nothing_behind(void)
{
    install_result = 1;
    CHECK(esp32_eth_on(PORT_NET_WIRED) == PORT_EIO && seen.deleted == 2 && seen.power_pin == 0 && seen.power_level == 0);
    install_result = ESP_OK;
    CHECK(esp32_eth_on(PORT_NET_WIRED) == PORT_OK && seen.power_level == 1);
}

static void the_emulators_ethernet_is_another_builds(void)
{
    CHECK(esp32_eth_on(PORT_NET_QEMU) == PORT_ENOTSUP && seen.power_pin == -1);
}

static void link_and_address_are_told(void)
{
    ip_event_got_ip_t got = {0};
    CHECK(esp32_eth_on(PORT_NET_WIRED) == PORT_OK && seen.on_eth != NULL);
    seen.on_eth(NULL, IP_EVENT, IP_EVENT_ETH_GOT_IP, &got);
    CHECK(seen.ip == (const uint8_t *)&got.ip_info.ip.addr && seen.lost == 0);
    seen.on_eth(NULL, ETH_EVENT, ETHERNET_EVENT_DISCONNECTED, NULL);
    seen.on_eth(NULL, IP_EVENT, IP_EVENT_ETH_LOST_IP, NULL);
    CHECK(seen.lost == 2);
}

static const struct c_test tests[] = {
    {"wired_as_the_reference_has_it", wired_as_the_reference_has_it},
    {"wired2_as_the_reference_has_it", wired2_as_the_reference_has_it},
    {"off_takes_the_power_and_on_again_gives_it", off_takes_the_power_and_on_again_gives_it},
    {"a_driver_that_fails_leaves_nothing_behind", a_driver_that_fails_leaves_nothing_behind},
    {"the_emulators_ethernet_is_another_builds", the_emulators_ethernet_is_another_builds},
    {"link_and_address_are_told", link_and_address_are_told},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    if (argc != 2) return 2;
    for (const struct c_test *test = tests; test->name != NULL; test++) {
        if (list) puts(test->name);
        else if (strcmp(test->name, argv[1]) == 0) return test->run(), 0;
    }
    return list ? 0 : 2;
}
