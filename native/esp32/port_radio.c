// Starts and stops the Wi-Fi driver, as a station that need not be connected.
#include "port_radio.h"
#include "port_net.h"

#if CONFIG_HEARTH_WIFI

#include "esp_wifi.h"
#include "esp_wifi_default.h"

static unsigned users; // bits of enum esp32_radio_user
static bool initialised;

static int initialise(void)
{
    if (initialised) return PORT_OK;
    int result = esp32_net_stack_start();
    if (result < 0) return result;
    // Also for ESP-NOW alone: a station's interface can only be joined to a driver that has not started.
    if (esp_netif_create_default_wifi_sta() == NULL) return PORT_ENOMEM;
    const wifi_init_config_t config = WIFI_INIT_CONFIG_DEFAULT();
    esp_err_t error = esp_wifi_init(&config);
    // The configuration file is the only memory of networks: none of it goes into NVS.
    if (error == ESP_OK) error = esp_wifi_set_storage(WIFI_STORAGE_RAM);
    if (error == ESP_OK) error = esp_wifi_set_mode(WIFI_MODE_STA);
    initialised = error == ESP_OK;
    return esp32_error(error);
}

// ESP-NOW has no access point that would keep frames for a sleeping radio.
static void set_power_save(void)
{
#if CONFIG_HEARTH_WIFI_POWER_SAVE
    esp_wifi_set_ps((users & RADIO_ESPNOW) != 0 ? WIFI_PS_NONE : WIFI_PS_MIN_MODEM);
#else
    esp_wifi_set_ps(WIFI_PS_NONE);
#endif
}

int esp32_radio_start(enum esp32_radio_user user)
{
    int result = initialise();
    if (result < 0) return result;
    if (users == 0) {
        esp32_random_source(false);
        result = esp32_error(esp_wifi_start());
        if (result < 0) {
            esp32_random_source(true);
            return result;
        }
    }
    users |= user;
    set_power_save();
    return PORT_OK;
}

int esp32_radio_stop(enum esp32_radio_user user)
{
    if ((users & user) == 0) return PORT_OK;
    users &= ~(unsigned)user;
    if (users != 0) {
        set_power_save();
        return PORT_OK;
    }
    // Stopped, not taken down: its buffers go, and the heap is not torn by building the driver again each time.
    int result = esp32_error(esp_wifi_stop());
    esp32_random_source(true);
    return result;
}

bool esp32_radio_shared(enum esp32_radio_user user)
{
    return (users & ~(unsigned)user) != 0;
}

#endif
