/*
 * The demo's parts and what they print with. demo.c runs the parts one after another; each lives
 * in a file of its own: demo_primes.c, demo_pages.c, demo_hostile.c, demo_deadlock.c. demo_ui.c does
 * the printing.
 */
#ifndef DEMO_H
#define DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each part says in its result whether everything went as it should. */
bool demo_primes(size_t count, size_t workers);
bool demo_pages(char *const *urls, size_t count);
bool demo_hostile(size_t workers);
bool demo_deadlock(void);

/* Decides about colours and bars: only on a terminal, colours not when NO_COLOR is set. */
void ui_init(void);

typedef enum ui_style { UI_PLAIN, UI_BOLD, UI_GOOD, UI_BAD } ui_style;

/* Switches the style of what is printed next; "" where there are no colours. */
const char *ui_style_on(ui_style style);

/* "1  Primes: ..." after an empty line. */
void ui_heading(int number, const char *text);

/* 1234567 as "1,234,567", written into buffer. */
const char *ui_grouped(uint64_t n, char buffer[32]);

/* Monotonic time in seconds. */
double ui_now(void);

/* A bar that fills up, with a label and the time; without a terminal only label and time. */
typedef struct ui_bar {
  char label[32];
  size_t total;
  double start;
  double drawn; /* when it was last drawn: some 20 times a second is enough */
} ui_bar;

void ui_bar_start(ui_bar *bar, const char *label, size_t total);
void ui_bar_show(ui_bar *bar, size_t done);

/* Fills the bar and ends its line. Returns the seconds since the start. */
double ui_bar_end(ui_bar *bar);

#endif
