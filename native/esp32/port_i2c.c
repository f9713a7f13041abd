// I2C master over ESP-IDF's new driver: one device handle per bus, whose address is changed as transfers ask for it.
#include "esp32.h"

#include "driver/i2c_master.h"
#include "esp_log.h"
#include "soc/soc_caps.h"

static struct {
    i2c_master_bus_handle_t bus;
    i2c_master_dev_handle_t device;
} buses[SOC_I2C_NUM > 2 ? 2 : SOC_I2C_NUM];
enum { BUSES = sizeof buses / sizeof buses[0], HZ_MAX = 1000000 };

static int bus_check(int bus)
{
    if (bus < 0 || bus > 1) return PORT_EINVAL;
    return bus < (int)BUSES ? PORT_OK : PORT_ENOTSUP;
}

int port_i2c_open(int bus, int sda_pin, int scl_pin, int hz)
{
    int result = bus_check(bus);
    if (result != PORT_OK) return result;
    if (!esp32_pin_good_output(sda_pin) || !esp32_pin_good_output(scl_pin) || sda_pin == scl_pin) return PORT_EINVAL;
    if (hz <= 0 || hz > HZ_MAX) return PORT_EINVAL;
    result = port_i2c_close(bus);
    if (result != PORT_OK) return result;
    esp_log_level_set("i2c.master", ESP_LOG_NONE); // a missing acknowledge is an answer, not worth a line each
    const i2c_master_bus_config_t bus_config = {
        .i2c_port = bus,
        .sda_io_num = (gpio_num_t)sda_pin,
        .scl_io_num = (gpio_num_t)scl_pin,
        .clk_source = I2C_CLK_SRC_DEFAULT,
        .glitch_ignore_cnt = 7, // 7 APB cycles, what ESP-IDF recommends
        .flags.enable_internal_pullup = true,
    };
    const i2c_device_config_t device_config = {
        .dev_addr_length = I2C_ADDR_BIT_LEN_7, .device_address = 0x08, .scl_speed_hz = (uint32_t)hz};
    esp_err_t error = i2c_new_master_bus(&bus_config, &buses[bus].bus);
    if (error != ESP_OK) {
        buses[bus].bus = NULL;
        return esp32_error(error);
    }
    error = i2c_master_bus_add_device(buses[bus].bus, &device_config, &buses[bus].device);
    if (error == ESP_OK) return PORT_OK;
    buses[bus].device = NULL;
    port_i2c_close(bus);
    return esp32_error(error);
}

// Whether somebody answers, apart from what the bus does. ESP-IDF 5 gives one error for a missing acknowledge and a stuck bus.
static int probe(int bus, int address, int timeout_ms)
{
    esp_err_t error = i2c_master_probe(buses[bus].bus, (uint16_t)address, timeout_ms);
    return error == ESP_ERR_NOT_FOUND ? PORT_ENACK : esp32_error(error);
}

int port_i2c_transfer(int bus, int address, const void *write, size_t write_length, void *read, size_t read_length,
                      uint32_t timeout_us)
{
    int result = bus_check(bus);
    if (result != PORT_OK) return result;
    if (address < 0 || address > 0x7F) return PORT_EINVAL;
    if (buses[bus].bus == NULL) return PORT_ENOENT;
    int timeout_ms = timeout_us / 1000 >= INT16_MAX ? INT16_MAX : (int)(timeout_us / 1000) + 1;
    if (write_length == 0 && read_length == 0) return probe(bus, address, timeout_ms);
    const i2c_master_dev_handle_t device = buses[bus].device;
    esp_err_t error = i2c_master_device_change_address(device, (uint16_t)address, timeout_ms);
    if (error != ESP_OK) return esp32_error(error);
    if (read_length == 0) error = i2c_master_transmit(device, write, write_length, timeout_ms);
    else if (write_length == 0) error = i2c_master_receive(device, read, read_length, timeout_ms);
    else error = i2c_master_transmit_receive(device, write, write_length, read, read_length, timeout_ms);
    if (error == ESP_ERR_INVALID_RESPONSE) return PORT_ENACK;
    if (error != ESP_ERR_INVALID_STATE) return esp32_error(error);
    result = probe(bus, address, timeout_ms);
    return result == PORT_OK ? PORT_ENACK : result; // it answers to its address, and did not want the data
}

int port_i2c_close(int bus)
{
    int result = bus_check(bus);
    if (result != PORT_OK) return result;
    esp_err_t error = ESP_OK;
    if (buses[bus].device != NULL) error = i2c_master_bus_rm_device(buses[bus].device);
    if (error != ESP_OK) return esp32_error(error);
    buses[bus].device = NULL;
    if (buses[bus].bus != NULL) error = i2c_del_master_bus(buses[bus].bus);
    if (error != ESP_OK) return esp32_error(error);
    buses[bus].bus = NULL;
    return PORT_OK;
}
