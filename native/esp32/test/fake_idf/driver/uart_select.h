#pragma once

typedef enum { UART_SELECT_READ_NOTIF } uart_select_notif_t;
