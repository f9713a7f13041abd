// The edge receiver: levels timed by the RMT peripheral or by pin interrupts, cut into bursts by ../edge_burst.c.
#include "esp32.h"
#include "../edge_burst.h"

#include "driver/gpio.h"
#include "driver/rmt_rx.h"
#include "esp_timer.h"
#include "soc/soc_caps.h"

enum {
    RESOLUTION_HZ = 1000000,
    SYMBOLS = PORT_EDGES_MAX / 2, // two levels each
    // The hardware's own filter counts 8 bits of 80 MHz; what is longer edge_burst.c filters.
    HARDWARE_FILTER_MAX_US = 3,
    LOOK_MIN_US = 2000,
};

static portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;
static struct edge_burst burst;
static int open_pin = -1;
static bool by_hardware;

static rmt_channel_handle_t receiver;
static rmt_symbol_word_t symbols[SYMBOLS];
static rmt_receive_config_t receive_config;

static esp_timer_handle_t timer;
static int64_t since_us; // since when the pin has its level

static void post_burst(const struct edge_burst *ended)
{
    const struct esp32_event event = {
        .kind = PORT_EVENT_EDGES, .number = (uint8_t)open_pin, .data = {ended->data}, .length = {ended->length}};
    esp32_post(&event);
}

// ---------------------------------------------------------------- by the RMT peripheral

// In its interrupt; the peripheral has seen the silence that ends a burst.
static bool received(rmt_channel_handle_t channel, const rmt_rx_done_event_data_t *done, void *unused)
{
    (void)unused;
    if (done->num_symbols > 0) {
        int last = !done->received_symbols[0].level0;
        edge_burst_add(&burst, last, burst.idle_us); // the silence before
        for (size_t i = 0; i < done->num_symbols; i++) {
            const rmt_symbol_word_t *symbol = &done->received_symbols[i];
            // A length of 0 marks the end.
            if (symbol->duration0 > 0) edge_burst_add(&burst, last = symbol->level0, symbol->duration0);
            if (symbol->duration1 > 0) edge_burst_add(&burst, last = symbol->level1, symbol->duration1);
        }
        if (edge_burst_add(&burst, !last, burst.idle_us)) post_burst(&burst);
    }
    rmt_receive(channel, symbols, sizeof symbols, &receive_config);
    return false; // esp32_post has asked for the change of tasks
}

static esp_err_t open_hardware(int pin)
{
    const rmt_rx_channel_config_t config = {
        .gpio_num = (gpio_num_t)pin,
        .clk_src = RMT_CLK_SRC_DEFAULT,
        .resolution_hz = RESOLUTION_HZ,
        // Whole blocks. Where one is too small the driver empties it while the burst goes on.
        .mem_block_symbols = SOC_RMT_MEM_WORDS_PER_CHANNEL,
    };
    const rmt_rx_event_callbacks_t callbacks = {.on_recv_done = received};
    uint32_t filter_us = burst.filter_us < HARDWARE_FILTER_MAX_US ? burst.filter_us : HARDWARE_FILTER_MAX_US;
    receive_config = (rmt_receive_config_t){.signal_range_min_ns = filter_us * 1000, .signal_range_max_ns = burst.idle_us * 1000};
    esp_err_t error = rmt_new_rx_channel(&config, &receiver);
    if (error != ESP_OK) return error;
    esp32_pin_pulls(pin);
    error = rmt_rx_register_event_callbacks(receiver, &callbacks, NULL);
    if (error == ESP_OK) error = rmt_enable(receiver);
    if (error != ESP_OK) {
        rmt_del_channel(receiver);
        return error;
    }
    return rmt_receive(receiver, symbols, sizeof symbols, &receive_config);
}

// ---------------------------------------------------------------- by pin interrupts

// The pin has had `level` until now. In the pin's interrupt or the timer's task.
static void account(int level)
{
    struct edge_burst ended; // the next edge may begin another one before this one is posted
    portENTER_CRITICAL_SAFE(&lock);
    int64_t now_us = esp_timer_get_time(), us = now_us - since_us;
    since_us = now_us;
    bool over = edge_burst_add(&burst, level, us < INT32_MAX ? (uint32_t)us : INT32_MAX);
    if (over) ended = burst;
    portEXIT_CRITICAL_SAFE(&lock);
    if (over) post_burst(&ended);
}

static void edge(void *unused)
{
    (void)unused;
    account(!gpio_get_level((gpio_num_t)open_pin));
}

// Ends the last burst, after which no edge comes.
static void look(void *unused)
{
    (void)unused;
    portENTER_CRITICAL(&lock);
    bool over = !burst.silent && esp_timer_get_time() - since_us >= burst.idle_us;
    portEXIT_CRITICAL(&lock);
    if (over) account(gpio_get_level((gpio_num_t)open_pin));
}

static esp_err_t open_software(int pin)
{
    const esp_timer_create_args_t arguments = {.callback = look, .name = "edges"};
    const gpio_num_t number = (gpio_num_t)pin;
    uint64_t period_us = burst.idle_us > LOOK_MIN_US ? burst.idle_us : LOOK_MIN_US;
    since_us = esp_timer_get_time();
    edge_burst_add(&burst, gpio_get_level(number), burst.idle_us);
    esp_err_t error = esp_timer_create(&arguments, &timer);
    if (error != ESP_OK) return error;
    gpio_isr_handler_remove(number);
    error = gpio_isr_handler_add(number, edge, NULL);
    if (error == ESP_OK) error = gpio_set_intr_type(number, GPIO_INTR_ANYEDGE);
    if (error == ESP_OK) error = esp_timer_start_periodic(timer, period_us);
    if (error != ESP_OK) esp_timer_delete(timer);
    return error;
}

int port_edges_open(int pin, uint32_t filter_us, uint32_t idle_us, bool hardware)
{
    if (!esp32_pin_good(pin) || filter_us >= idle_us || idle_us > PORT_EDGES_IDLE_MAX_US) return PORT_EINVAL;
    if (open_pin >= 0) return PORT_EBUSY;
    int result = hardware ? PORT_OK : esp32_pin_interrupts();
    if (result < 0) return result;
    edge_burst_start(&burst, filter_us, idle_us);
    open_pin = pin;
    by_hardware = hardware;
    esp_err_t error = hardware ? open_hardware(pin) : open_software(pin);
    if (error != ESP_OK) open_pin = -1;
    return esp32_error(error);
}

int port_edges_close(void)
{
    if (open_pin < 0) return PORT_OK;
    const gpio_num_t number = (gpio_num_t)open_pin;
    esp_err_t error;
    if (by_hardware) {
        error = rmt_disable(receiver);
        if (error == ESP_OK) error = rmt_del_channel(receiver);
    } else {
        error = gpio_isr_handler_remove(number);
        esp_timer_stop(timer);
        esp_timer_delete(timer);
    }
    open_pin = -1;
    return esp32_error(error);
}
