#pragma once

typedef int uart_port_t;
