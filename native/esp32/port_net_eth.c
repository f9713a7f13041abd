// Ethernet: the classic ESP32's own MAC on the two known boards, and the emulator's open_eth.
#include "port_net.h"

#if CONFIG_ETH_USE_ESP32_EMAC || CONFIG_ETH_USE_OPENETH

#include "esp_eth.h"
#include "esp_event.h"
#include "esp_idf_version.h"
#include "esp_netif.h"

enum { PHY_ADDRESS = 1 };
#if CONFIG_ETH_USE_OPENETH
// The emulator's PHY never finishes to negotiate: do not wait for it.
enum { OPENETH_NEGOTIATION_MS = 100 };
#endif

static esp_eth_handle_t driver;
static enum port_net_kind driver_kind;
static bool running;

#if CONFIG_ETH_USE_ESP32_EMAC

enum { MDC_PIN = 23, MDIO_PIN = 18, CLOCK_OUT_PIN = 17, CLOCK_IN_PIN = 0, WIRED_POWER_PIN = 0, WIRED2_POWER_PIN = 16 };
// The PHY and its oscillator take some time to start; the MAC's reset waits for that clock and gives up without it.
enum { POWER_UP_MS = 50 };

static void power(enum port_net_kind kind, int level)
{
    if (kind == PORT_NET_QEMU) return;
    port_gpio_mode(kind == PORT_NET_WIRED ? WIRED_POWER_PIN : WIRED2_POWER_PIN, PORT_GPIO_OUTPUT, level);
    if (level != 0) vTaskDelay(pdMS_TO_TICKS(POWER_UP_MS));
}

static esp_eth_mac_t *new_emac(enum port_net_kind kind, const eth_mac_config_t *config)
{
    eth_esp32_emac_config_t emac = ETH_ESP32_EMAC_DEFAULT_CONFIG();
    emac.smi_gpio.mdc_num = MDC_PIN;
    emac.smi_gpio.mdio_num = MDIO_PIN;
    emac.interface = EMAC_DATA_INTERFACE_RMII;
    emac.clock_config.rmii.clock_mode = kind == PORT_NET_WIRED ? EMAC_CLK_OUT : EMAC_CLK_EXT_IN;
    // An enumeration in IDF 5, a pin's number in IDF 6.
    emac.clock_config.rmii.clock_gpio = (typeof(emac.clock_config.rmii.clock_gpio))(kind == PORT_NET_WIRED ? CLOCK_OUT_PIN : CLOCK_IN_PIN);
    return esp_eth_mac_new_esp32(&emac, config);
}

static esp_eth_phy_t *new_phy(enum port_net_kind kind, const eth_phy_config_t *config)
{
#if ESP_IDF_VERSION < ESP_IDF_VERSION_VAL(6, 0, 0)
    if (kind == PORT_NET_WIRED2) return esp_eth_phy_new_lan87xx(config);
#endif
    // From IDF 6 on drivers of single PHYs are components of their own; the LAN8720 works with what all PHYs share.
    (void)kind;
    return esp_eth_phy_new_generic(config);
}

#else

static void power(enum port_net_kind kind, int level)
{
    (void)kind;
    (void)level;
}

#endif

static void on_event(void *unused, esp_event_base_t base, int32_t id, void *event)
{
    (void)unused;
    if (base == ETH_EVENT && id == ETHERNET_EVENT_DISCONNECTED) esp32_net_lost();
    if (base == IP_EVENT && id == IP_EVENT_ETH_LOST_IP) esp32_net_lost();
    if (base == IP_EVENT && id == IP_EVENT_ETH_GOT_IP) {
        esp32_net_up((const uint8_t *)&((const ip_event_got_ip_t *)event)->ip_info.ip.addr);
    }
}

static bool has(enum port_net_kind kind)
{
#if CONFIG_ETH_USE_OPENETH
    if (kind == PORT_NET_QEMU) return true;
#endif
#if CONFIG_ETH_USE_ESP32_EMAC
    if (kind == PORT_NET_WIRED || kind == PORT_NET_WIRED2) return true;
#endif
    (void)kind;
    return false;
}

// MAC and PHY of a kind that this build has.
static void make(enum port_net_kind kind, esp_eth_mac_t **mac, esp_eth_phy_t **phy)
{
    const eth_mac_config_t mac_config = ETH_MAC_DEFAULT_CONFIG();
    eth_phy_config_t phy_config = ETH_PHY_DEFAULT_CONFIG();
    phy_config.phy_addr = PHY_ADDRESS;
    phy_config.reset_gpio_num = -1;
#if CONFIG_ETH_USE_OPENETH
    if (kind == PORT_NET_QEMU) {
        phy_config.autonego_timeout_ms = OPENETH_NEGOTIATION_MS;
        *mac = esp_eth_mac_new_openeth(&mac_config);
#if ESP_IDF_VERSION < ESP_IDF_VERSION_VAL(6, 0, 0)
        *phy = esp_eth_phy_new_dp83848(&phy_config); // the one that comes with this MAC on every chip
#else
        *phy = esp_eth_phy_new_generic(&phy_config);
#endif
        return;
    }
#endif
#if CONFIG_ETH_USE_ESP32_EMAC
    *mac = new_emac(kind, &mac_config);
    *phy = new_phy(kind, &phy_config);
#endif
}

static esp_err_t install(enum port_net_kind kind)
{
    esp_eth_mac_t *mac = NULL;
    esp_eth_phy_t *phy = NULL;
    make(kind, &mac, &phy);
    esp_err_t error = mac == NULL || phy == NULL ? ESP_ERR_NO_MEM : ESP_OK;
    if (error == ESP_OK) {
        const esp_eth_config_t config = ETH_DEFAULT_CONFIG(mac, phy);
        error = esp_eth_driver_install(&config, &driver);
    }
    if (error != ESP_OK) {
        if (mac != NULL) mac->del(mac);
        if (phy != NULL) phy->del(phy);
        driver = NULL;
    }
    return error;
}

// Joins the driver to the TCP/IP stack.
static esp_err_t attach(void)
{
    const esp_netif_config_t config = ESP_NETIF_DEFAULT_ETH();
    esp_netif_t *netif = esp_netif_new(&config);
    if (netif == NULL) return ESP_ERR_NO_MEM;
    esp_err_t error = esp_netif_attach(netif, esp_eth_new_netif_glue(driver));
    if (error == ESP_OK) error = esp_event_handler_register(ETH_EVENT, ETHERNET_EVENT_DISCONNECTED, on_event, NULL);
    if (error == ESP_OK) error = esp_event_handler_register(IP_EVENT, ESP_EVENT_ANY_ID, on_event, NULL);
    return error;
}

int esp32_eth_on(enum port_net_kind kind)
{
    static bool attached;
    if (!has(kind)) return PORT_ENOTSUP;
    if (driver != NULL && kind != driver_kind) return PORT_EBUSY;
    power(kind, 1);
    esp_err_t error = driver == NULL ? install(kind) : ESP_OK;
    driver_kind = kind;
    if (error == ESP_OK && !attached) error = attach();
    attached = attached || error == ESP_OK;
    if (error != ESP_OK) power(kind, 0);
    return esp32_error(error);
}

int esp32_eth_connect(void)
{
    if (running) return PORT_OK;
    esp_err_t error = esp_eth_start(driver);
    running = error == ESP_OK;
    return esp32_error(error);
}

int esp32_eth_off(void)
{
    esp_err_t error = running ? esp_eth_stop(driver) : ESP_OK;
    running = false;
    power(driver_kind, 0);
    return esp32_error(error);
}

#else

int esp32_eth_on(enum port_net_kind kind)
{
    (void)kind;
    return PORT_ENOTSUP;
}

int esp32_eth_connect(void)
{
    return PORT_ENOTSUP;
}

int esp32_eth_off(void)
{
    return PORT_OK;
}

#endif
