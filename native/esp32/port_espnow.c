// ESP-NOW: the channel, the table of peers and the one frame on its way. Its callbacks run in the Wi-Fi task and only post events.
#include "port_radio.h"

#include <string.h>

#if CONFIG_HEARTH_WIFI

#include "esp_idf_version.h"
#include "esp_now.h"
#include "esp_timer.h"
#include "esp_wifi.h"

// The driver calls back for every frame; should it ever not, the program is told in time all the same.
enum { ANSWER_MAX_US = 900000, MAC = 6 };

static portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;
static bool on, sending;
static bool long_range;
static uint8_t asked; // channel, 0: the station's
static esp_timer_handle_t timer;
static struct peer {
    uint8_t mac[MAC];
    uint32_t used; // number of the frame that used it last; 0: no peer
} peers[PORT_ESPNOW_PEERS_MAX];
static uint32_t frames;

static void finish(bool acknowledged)
{
    portENTER_CRITICAL(&lock);
    bool mine = on && sending;
    sending = false;
    portEXIT_CRITICAL(&lock);
    const struct esp32_event event = {.kind = PORT_EVENT_SENT, .value = acknowledged};
    if (mine) esp32_post(&event);
}

#if ESP_IDF_VERSION >= ESP_IDF_VERSION_VAL(5, 5, 0)
static void sent(const esp_now_send_info_t *info, esp_now_send_status_t status)
#else
static void sent(const uint8_t *info, esp_now_send_status_t status)
#endif
{
    (void)info;
    finish(status == ESP_NOW_SEND_SUCCESS);
}

static void answer_missing(void *unused)
{
    (void)unused;
    finish(false);
}

static void received(const esp_now_recv_info_t *info, const uint8_t *frame, int length)
{
    if (length < 1 || length > PORT_ESPNOW_FRAME_MAX) return;
    const struct esp32_event event = {
        .kind = PORT_EVENT_ESPNOW,
        .number = (uint8_t)info->rx_ctrl->channel,
        .value = info->rx_ctrl->rssi,
        .data = {info->src_addr, frame},
        .length = {MAC, (uint16_t)length},
    };
    esp32_post(&event);
}

static esp_err_t set_rate(const uint8_t mac[MAC])
{
    // 1 Mbit/s is what every ESP-NOW device begins with.
    esp_now_rate_config_t config = {.phymode = WIFI_PHY_MODE_11B, .rate = WIFI_PHY_RATE_1M_L};
    if (long_range) config = (esp_now_rate_config_t){.phymode = WIFI_PHY_MODE_LR, .rate = WIFI_PHY_RATE_LORA_250K};
    return esp_now_set_peer_rate_config(mac, &config);
}

static bool station_up(void)
{
    struct port_net_status status;
    port_net_status(&status);
    return status.state == PORT_NET_UP && status.channel != 0;
}

static esp_err_t tune(void)
{
    if (station_up() || asked == 0) return ESP_OK; // the access point decides, or did last
    return esp_wifi_set_channel(asked, WIFI_SECOND_CHAN_NONE);
}

// Long range beside the ordinary modes: an access point is still heard, and a fleet in either mode.
static esp_err_t set_mode(void)
{
    uint8_t protocols = 0;
    esp_err_t error = esp_wifi_get_protocol(WIFI_IF_STA, &protocols);
    if (error != ESP_OK) return error;
    protocols = (uint8_t)(long_range ? protocols | WIFI_PROTOCOL_LR : protocols & ~WIFI_PROTOCOL_LR);
    return esp_wifi_set_protocol(WIFI_IF_STA, protocols);
}

static int start(void)
{
    int result = esp32_radio_start(RADIO_ESPNOW);
    if (result < 0) return result;
    const esp_timer_create_args_t arguments = {.callback = answer_missing, .name = "espnow"};
    esp_err_t error = timer == NULL ? esp_timer_create(&arguments, &timer) : ESP_OK;
    if (error == ESP_OK) error = esp_now_init();
    if (error == ESP_OK) error = esp_now_register_recv_cb(received);
    if (error == ESP_OK) error = esp_now_register_send_cb(sent);
    if (error != ESP_OK) {
        esp_now_deinit(); // fails harmlessly when it was not reached
        esp32_radio_stop(RADIO_ESPNOW);
    }
    memset(peers, 0, sizeof peers);
    return esp32_error(error);
}

int port_espnow_on(int channel, bool long_range_asked)
{
    if (channel < 0 || channel > PORT_ESPNOW_CHANNEL_MAX) return PORT_EINVAL;
    int result = on ? PORT_OK : start();
    if (result < 0) return result;
    on = true;
    asked = (uint8_t)channel;
    long_range = long_range_asked;
    esp_err_t error = set_mode();
    for (int i = 0; i < PORT_ESPNOW_PEERS_MAX && error == ESP_OK; i++) {
        if (peers[i].used != 0) error = set_rate(peers[i].mac);
    }
    if (error == ESP_OK) error = tune();
    return esp32_error(error);
}

int port_espnow_off(void)
{
    if (!on) return PORT_OK;
    portENTER_CRITICAL(&lock);
    on = sending = false;
    portEXIT_CRITICAL(&lock);
    esp_timer_stop(timer); // fails harmlessly when it does not run
    esp_err_t error = esp_now_deinit();
    int result = esp32_radio_stop(RADIO_ESPNOW);
    return error == ESP_OK ? result : esp32_error(error);
}

void esp32_espnow_follow(void)
{
    if (on) (void)tune(); // while the station associates it is refused: the station decides then
}

int port_espnow_channel(void)
{
    uint8_t channel = 0;
    wifi_second_chan_t second;
    return on && esp_wifi_get_channel(&channel, &second) == ESP_OK ? channel : 0;
}

// Makes sure that the driver knows the peer.
static esp_err_t use_peer(const uint8_t mac[MAC])
{
    struct peer *oldest = &peers[0];
    frames++;
    for (int i = 0; i < PORT_ESPNOW_PEERS_MAX; i++) {
        if (peers[i].used != 0 && memcmp(peers[i].mac, mac, MAC) == 0) {
            peers[i].used = frames;
            return ESP_OK;
        }
        if (peers[i].used < oldest->used) oldest = &peers[i];
    }
    if (oldest->used != 0) esp_now_del_peer(oldest->mac);
    oldest->used = 0;
    esp_now_peer_info_t info = {.ifidx = WIFI_IF_STA}; // channel 0: the one the radio is on
    memcpy(info.peer_addr, mac, MAC);
    esp_err_t error = esp_now_add_peer(&info);
    if (error == ESP_OK) error = set_rate(mac);
    if (error != ESP_OK) return error;
    memcpy(oldest->mac, mac, MAC);
    oldest->used = frames;
    return ESP_OK;
}

int port_espnow_send(const uint8_t mac[6], const void *frame, size_t length)
{
    static const uint8_t broadcast[MAC] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    bool to_all = memcmp(mac, broadcast, MAC) == 0;
    if (length < 1 || length > PORT_ESPNOW_FRAME_MAX || (!to_all && (mac[0] & 1) != 0)) return PORT_EINVAL;
    if (!on) return PORT_ENOENT;
    portENTER_CRITICAL(&lock);
    bool busy = sending;
    sending = true;
    portEXIT_CRITICAL(&lock);
    if (busy) return PORT_EAGAIN;
    esp_timer_stop(timer);
    esp_err_t error = use_peer(mac);
    if (error == ESP_OK) error = esp_timer_start_once(timer, ANSWER_MAX_US);
    if (error == ESP_OK) error = esp_now_send(mac, frame, length);
    if (error == ESP_OK) return PORT_OK;
    portENTER_CRITICAL(&lock);
    sending = false;
    portEXIT_CRITICAL(&lock);
    return error == ESP_ERR_ESPNOW_NO_MEM ? PORT_ENOMEM : esp32_error(error);
}

#else

int port_espnow_on(int channel, bool long_range)
{
    (void)long_range;
    return channel < 0 || channel > PORT_ESPNOW_CHANNEL_MAX ? PORT_EINVAL : PORT_ENOTSUP;
}

int port_espnow_off(void)
{
    return PORT_OK;
}

void esp32_espnow_follow(void)
{
}

int port_espnow_channel(void)
{
    return 0;
}

int port_espnow_send(const uint8_t mac[6], const void *frame, size_t length)
{
    (void)mac;
    (void)frame;
    return length < 1 || length > PORT_ESPNOW_FRAME_MAX ? PORT_EINVAL : PORT_ENOENT;
}

#endif
