/*
 * How the demo prints: styles, numbers, the clock and the progress bar. Used by the demo's parts,
 * from the main thread alone.
 */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR_WIDTH 40
#define SECONDS_BETWEEN_DRAWINGS 0.05

static bool terminal, colours;

void ui_init(void) {
  const char *term = getenv("TERM");
  terminal = isatty(STDOUT_FILENO) == 1;
  colours = terminal && getenv("NO_COLOR") == NULL && (term == NULL || strcmp(term, "dumb") != 0);
}

const char *ui_style_on(ui_style style) {
  static const char *const codes[] = { "\033[0m", "\033[1m", "\033[32m", "\033[31m" };
  return colours ? codes[style] : "";
}

void ui_heading(int number, const char *text) {
  printf("\n%s%d  %s%s\n", ui_style_on(UI_BOLD), number, text, ui_style_on(UI_PLAIN));
}

const char *ui_grouped(uint64_t n, char buffer[32]) {
  char digits[24];
  int length = snprintf(digits, sizeof digits, "%" PRIu64, n);
  char *to = buffer;
  for (int i = 0; i < length; i++) {
    if (i > 0 && (length - i) % 3 == 0) *to++ = ',';
    *to++ = digits[i];
  }
  *to = '\0';
  return buffer;
}

double ui_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void draw(const ui_bar *bar, size_t done) {
  char marks[BAR_WIDTH + 1];
  size_t filled = bar->total == 0 ? BAR_WIDTH : done * BAR_WIDTH / bar->total;
  memset(marks, '.', BAR_WIDTH);
  memset(marks, '#', filled);
  marks[BAR_WIDTH] = '\0';
  printf("\r   %-18s %s[%s]%s %6.2f s", bar->label, ui_style_on(UI_GOOD), marks,
         ui_style_on(UI_PLAIN), ui_now() - bar->start);
  fflush(stdout);
}

void ui_bar_start(ui_bar *bar, const char *label, size_t total) {
  snprintf(bar->label, sizeof bar->label, "%s", label);
  bar->total = total;
  bar->start = bar->drawn = ui_now();
  if (terminal) draw(bar, 0);
}

void ui_bar_show(ui_bar *bar, size_t done) {
  double now = ui_now();
  if (!terminal || now - bar->drawn < SECONDS_BETWEEN_DRAWINGS) return;
  bar->drawn = now;
  draw(bar, done);
}

double ui_bar_end(ui_bar *bar) {
  double seconds = ui_now() - bar->start;
  if (terminal)
    draw(bar, bar->total);
  else
    printf("   %-18s %6.2f s", bar->label, seconds);
  printf("\n");
  return seconds;
}
