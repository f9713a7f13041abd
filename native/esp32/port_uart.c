// UARTs over ESP-IDF's driver. Its interrupt tells that bytes have come: no queue and no task for that.
#include "port_uart.h"
#include "port_console.h"

#include "esp_attr.h"
#include "esp_private/cache_utils.h"
#include "soc/soc_caps.h"

enum {
    UARTS = 3, // what the API knows
    // Room for a whole write beside the driver's own records, which it keeps in the same ring.
    TX_BUFFER = PORT_UART_BUFFER + 256,
};

static bool open[UARTS];
static volatile bool came[UARTS]; // bytes that nobody has been told of

void esp32_uart_catch_up(void)
{
    for (int uart = 0; uart < UARTS; uart++) {
        if (!came[uart]) continue;
        came[uart] = false;
        if (!open[uart]) {
            esp32_console_came();
            continue;
        }
        const struct esp32_event event = {.kind = PORT_EVENT_UART, .number = (uint8_t)uart, .renew = true};
        esp32_post(&event);
    }
}

// While flash is written only code in RAM can run. The task that writes is, as a rule, the one that then looks here.
IRAM_ATTR void esp32_uart_notify(uart_port_t uart, uart_select_notif_t what, BaseType_t *woken)
{
    (void)woken; // esp32_post asks for the change of tasks itself
    if (what != UART_SELECT_READ_NOTIF) return;
    came[uart] = true;
    if (spi_flash_cache_enabled()) esp32_uart_catch_up();
}

static int check(int uart)
{
    if (uart < 0 || uart >= UARTS) return PORT_EINVAL;
    return uart < SOC_UART_HP_NUM ? PORT_OK : PORT_ENOTSUP; // some chips have two
}

int port_uart_open(int uart, int tx_pin, int rx_pin, int baud)
{
    int result = check(uart);
    if (result < 0) return result;
    if (!esp32_pin_good_output(tx_pin) || !esp32_pin_good(rx_pin) || baud <= 0) return PORT_EINVAL;
    const uart_port_t port = (uart_port_t)uart;
    if (!open[uart] && uart_is_driver_installed(port)) return PORT_EBUSY; // the console
    result = port_uart_close(uart);
    if (result < 0) return result;
    const uart_config_t config = {
        .baud_rate = baud,
        .data_bits = UART_DATA_8_BITS,
        .parity = UART_PARITY_DISABLE,
        .stop_bits = UART_STOP_BITS_1,
        .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
        .source_clk = UART_SCLK_DEFAULT,
    };
    esp_err_t error = uart_driver_install(port, PORT_UART_BUFFER, TX_BUFFER, 0, NULL, 0);
    if (error != ESP_OK) return esp32_error(error);
    open[uart] = true;
    error = uart_param_config(port, &config);
    if (error == ESP_OK) error = uart_set_pin(port, tx_pin, rx_pin, UART_PIN_NO_CHANGE, UART_PIN_NO_CHANGE);
    if (error == ESP_OK) uart_set_select_notif_callback(port, esp32_uart_notify);
    else port_uart_close(uart);
    return esp32_error(error);
}

int port_uart_write(int uart, const void *data, size_t length)
{
    int result = check(uart);
    if (result < 0) return result;
    if (!open[uart]) return PORT_ENOENT;
    if (length > PORT_UART_BUFFER) return PORT_EINVAL; // would never fit
    if (length == 0) return PORT_OK;
    size_t room = 0;
    if (uart_get_tx_buffer_free_size((uart_port_t)uart, &room) != ESP_OK) return PORT_EIO;
    if (length > room) return PORT_EAGAIN;
    return uart_write_bytes((uart_port_t)uart, data, length) == (int)length ? PORT_OK : PORT_EIO;
}

int port_uart_read(int uart, void *buf, size_t length)
{
    int result = check(uart);
    if (result < 0) return result;
    if (!open[uart]) return PORT_ENOENT;
    int got = uart_read_bytes((uart_port_t)uart, buf, (uint32_t)length, 0);
    return got < 0 ? PORT_EIO : got;
}

int port_uart_close(int uart)
{
    int result = check(uart);
    if (result < 0) return result;
    if (!open[uart]) return PORT_OK;
    uart_set_select_notif_callback((uart_port_t)uart, NULL);
    open[uart] = false;
    return esp32_error(uart_driver_delete((uart_port_t)uart));
}
