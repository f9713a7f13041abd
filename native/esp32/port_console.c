// The serial console: log lines, and bytes in both directions, on the UART or the chip's own USB, whichever ESP-IDF's menu says.
#include "port_console.h"

#include <string.h>

#include "freertos/semphr.h"

static SemaphoreHandle_t line_lock; // of a log line and its end
static volatile bool announced;     // until port_console_read is called

void esp32_console_came(void)
{
    if (announced) return;
    announced = true;
    const struct esp32_event event = {.kind = PORT_EVENT_INPUT};
    esp32_post(&event);
}

#if CONFIG_ESP_CONSOLE_UART

#include "driver/uart.h"
#include "driver/uart_vfs.h"
#include "port_uart.h"

static const uart_port_t console = (uart_port_t)CONFIG_ESP_CONSOLE_UART_NUM;

static esp_err_t open_console(void)
{
    // No buffer for sending: it would take heap for good, to save at most 0.1 s of waiting in a session over the wire.
    esp_err_t error = uart_driver_install(console, PORT_CONSOLE_BUFFER, 0, 0, NULL, 0);
    if (error != ESP_OK) return error;
    uart_set_select_notif_callback(console, esp32_uart_notify);
    uart_vfs_dev_use_driver(console); // ESP-IDF's own lines wait for the end of a frame, too
    return ESP_OK;
}

static bool put(const void *bytes, size_t length)
{
    return length == 0 || uart_write_bytes(console, bytes, length) == (int)length;
}

static int take(void *buf, size_t length)
{
    return uart_read_bytes(console, buf, (uint32_t)length, 0);
}

#elif CONFIG_ESP_CONSOLE_USB_SERIAL_JTAG

#include "driver/usb_serial_jtag.h"
#include "driver/usb_serial_jtag_select.h"
#include "driver/usb_serial_jtag_vfs.h"

static void notify(usj_select_notif_t what, BaseType_t *woken)
{
    (void)woken; // esp32_post asks for the change of tasks itself
    if (what == USJ_SELECT_READ_NOTIF) esp32_console_came();
}

static esp_err_t open_console(void)
{
    usb_serial_jtag_driver_config_t config = {.tx_buffer_size = PORT_CONSOLE_WRITE_MAX, .rx_buffer_size = PORT_CONSOLE_BUFFER};
    esp_err_t error = usb_serial_jtag_driver_install(&config);
    if (error != ESP_OK) return error;
    usb_serial_jtag_set_select_notif_callback(notify);
    usb_serial_jtag_vfs_use_driver();
    return ESP_OK;
}

// Whole or not at all: with nobody at the other end the buffer stays full and what is written is lost.
static bool put(const void *bytes, size_t length)
{
    return length == 0 || usb_serial_jtag_write_bytes(bytes, length, 0) == (int)length;
}

static int take(void *buf, size_t length)
{
    return usb_serial_jtag_read_bytes(buf, (uint32_t)length, 0);
}

#else
#error "The console must be a UART or USB-Serial-JTAG (menuconfig: Channel for console output)"
#endif

int esp32_console_start(void)
{
    static StaticSemaphore_t memory;
    line_lock = xSemaphoreCreateMutexStatic(&memory);
    return esp32_error(open_console());
}

void port_log(const char *line)
{
    xSemaphoreTake(line_lock, portMAX_DELAY);
    if (put(line, strlen(line))) (void)put("\r\n", 2);
    xSemaphoreGive(line_lock);
}

int port_console_read(void *buf, size_t length)
{
    announced = false; // first: what comes from here on is announced anew
    int got = length == 0 ? 0 : take(buf, length);
    return got < 0 ? PORT_EIO : got;
}

int port_console_write(const void *data, size_t length)
{
    if (length > PORT_CONSOLE_WRITE_MAX) return PORT_EINVAL;
    return put(data, length) ? PORT_OK : PORT_EAGAIN;
}
