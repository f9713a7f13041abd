// 1-Wire at standard speed by hand; slot times of Maxim's application note 126 (in its letters).
#include "esp32.h"

#include "driver/gpio.h"
#include "esp_attr.h"
#include "esp_rom_sys.h"
#include "hal/gpio_ll.h"

enum {
    A_US = 6,   // low at the start of a read slot or of a 1
    B_US = 64,  // rest of a written 1
    C_US = 60,  // low of a 0
    D_US = 10,  // recovery after a 0
    E_US = 9,   // from the release to the sample
    F_US = 55,  // rest of a read slot
    H_US = 480, // reset pulse
    I_US = 70,  // from its release to the presence sample
    J_US = 410, // rest of the reset
    RISE_US = 10,
    NOBODY = 3,
};

static portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;
static int set_up = -1; // the pin that is set up

static int prepare(int pin)
{
    if (pin == set_up) return PORT_OK;
    if (!esp32_pin_good_output(pin)) return PORT_EINVAL;
    int result = port_gpio_mode(pin, PORT_GPIO_OPEN_DRAIN, 1);
    if (result < 0) return result;
    set_up = pin;
    esp_rom_delay_us(RISE_US); // the pull-up charges the line
    return PORT_OK;
}

// In RAM, with inlined register accesses: a cache miss would take as long as the phases are short.
static IRAM_ATTR void line(int pin, int level)
{
    gpio_ll_set_level(&GPIO, (gpio_num_t)pin, (uint32_t)level);
}

static IRAM_ATTR void write_bit(int pin, int bit)
{
    portENTER_CRITICAL(&lock);
    line(pin, 0);
    esp_rom_delay_us(bit ? A_US : C_US); // a 0 that an interrupt made too long would be a reset
    line(pin, 1);
    portEXIT_CRITICAL(&lock);
    esp_rom_delay_us(bit ? B_US : D_US);
}

static IRAM_ATTR int read_bit(int pin)
{
    portENTER_CRITICAL(&lock);
    line(pin, 0);
    esp_rom_delay_us(A_US);
    line(pin, 1);
    esp_rom_delay_us(E_US);
    int bit = gpio_ll_get_level(&GPIO, (gpio_num_t)pin);
    portEXIT_CRITICAL(&lock);
    esp_rom_delay_us(F_US);
    return bit;
}

static IRAM_ATTR int presence(int pin)
{
    line(pin, 0);
    esp_rom_delay_us(H_US); // may be longer: interrupts stay on
    portENTER_CRITICAL(&lock);
    line(pin, 1);
    esp_rom_delay_us(I_US);
    int level = gpio_ll_get_level(&GPIO, (gpio_num_t)pin);
    portEXIT_CRITICAL(&lock);
    esp_rom_delay_us(J_US);
    return level == 0;
}

int port_onewire_reset(int pin)
{
    set_up = -1; // somebody else may have had the pin since the last transaction
    int result = prepare(pin);
    if (result < 0) return result;
    if (gpio_get_level((gpio_num_t)pin) == 0) return PORT_EIO;
    int present = presence(pin);
    return gpio_get_level((gpio_num_t)pin) == 0 ? PORT_EIO : present;
}

int port_onewire_write(int pin, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    int result = length > PORT_ONEWIRE_MAX ? PORT_EINVAL : prepare(pin);
    if (result < 0) return result;
    for (size_t i = 0; i < length; i++) {
        for (int bit = 0; bit < 8; bit++) write_bit(pin, bytes[i] >> bit & 1);
    }
    return PORT_OK;
}

int port_onewire_read(int pin, void *buf, size_t length)
{
    uint8_t *bytes = buf;
    int result = length > PORT_ONEWIRE_MAX ? PORT_EINVAL : prepare(pin);
    if (result < 0) return result;
    for (size_t i = 0; i < length; i++) {
        bytes[i] = 0;
        for (int bit = 0; bit < 8; bit++) bytes[i] |= (uint8_t)(read_bit(pin) << bit);
    }
    return PORT_OK;
}

int port_onewire_triplet(int pin, int direction)
{
    int result = prepare(pin);
    if (result < 0) return result;
    int bit = read_bit(pin), complement = read_bit(pin);
    if (bit && complement) return NOBODY;
    int written = bit == complement ? direction != 0 : bit;
    write_bit(pin, written);
    return bit | complement << 1 | written << 2;
}
