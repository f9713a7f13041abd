// Wi-Fi station. The framework decides when to try again: nothing here reconnects by itself.
#include "port_net.h"
#include "port_radio.h"

#if CONFIG_HEARTH_WIFI

#include <string.h>

#include "esp_event.h"
#include "esp_netif.h"
#include "esp_wifi.h"

static void on_event(void *unused, esp_event_base_t base, int32_t id, void *event)
{
    (void)unused;
    if (base == WIFI_EVENT && id == WIFI_EVENT_STA_DISCONNECTED) esp32_net_lost();
    if (base == IP_EVENT && id == IP_EVENT_STA_LOST_IP) esp32_net_lost();
    if (base == IP_EVENT && id == IP_EVENT_STA_GOT_IP) {
        esp32_net_up((const uint8_t *)&((const ip_event_got_ip_t *)event)->ip_info.ip.addr);
    }
}

int esp32_wifi_on(void)
{
    static bool listening;
    int result = esp32_radio_start(RADIO_STATION);
    if (result < 0 || listening) return result;
    esp_err_t error = esp_event_handler_register(WIFI_EVENT, WIFI_EVENT_STA_DISCONNECTED, on_event, NULL);
    if (error == ESP_OK) error = esp_event_handler_register(IP_EVENT, ESP_EVENT_ANY_ID, on_event, NULL);
    listening = error == ESP_OK;
    return esp32_error(error);
}

int esp32_wifi_connect(const char *ssid, const char *password)
{
    wifi_config_t config = {0};
    // Neither field needs a final zero when it is full.
    memcpy(config.sta.ssid, ssid, strnlen(ssid, sizeof config.sta.ssid));
    memcpy(config.sta.password, password, strnlen(password, sizeof config.sta.password));
    // The strongest of several access points of one name; a network with a password is never joined in clear.
    config.sta.scan_method = WIFI_ALL_CHANNEL_SCAN;
    config.sta.sort_method = WIFI_CONNECT_AP_BY_SIGNAL;
    config.sta.threshold.authmode = password[0] == '\0' ? WIFI_AUTH_OPEN : WIFI_AUTH_WPA_PSK;
    config.sta.pmf_cfg.capable = true;
    config.sta.sae_pwe_h2e = WPA3_SAE_PWE_BOTH; // some WPA3 access points take the newer way only
    esp_err_t error = esp_wifi_set_config(WIFI_IF_STA, &config);
    if (error == ESP_OK) error = esp_wifi_connect();
    return esp32_error(error);
}

int esp32_wifi_off(void)
{
    if (!esp32_radio_shared(RADIO_STATION)) return esp32_radio_stop(RADIO_STATION);
    esp_wifi_disconnect(); // fails harmlessly when there is no connection
    int result = esp32_radio_stop(RADIO_STATION);
    esp32_espnow_follow();
    return result;
}

void esp32_wifi_signal(struct port_net_status *out)
{
    wifi_ap_record_t ap;
    if (esp_wifi_sta_get_ap_info(&ap) != ESP_OK) return;
    out->rssi = ap.rssi;
    out->channel = ap.primary;
}

#else

int esp32_wifi_on(void)
{
    return PORT_ENOTSUP;
}

int esp32_wifi_connect(const char *ssid, const char *password)
{
    (void)ssid;
    (void)password;
    return PORT_ENOTSUP;
}

int esp32_wifi_off(void)
{
    return PORT_OK;
}

void esp32_wifi_signal(struct port_net_status *out)
{
    (void)out;
}

#endif
