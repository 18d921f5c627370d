/* A decoder of records that was never meant for input which nobody has checked. */
#ifndef DECODE_H
#define DECODE_H

#include <cfutures.h>

/* Bytes of records -> the sum of their values, int32_t. Each record is a kind, a length, and so many bytes. One
 * that is cut off is an error of its own; a kind that was never written crashes. */
int32_t decode(cf_task *task, void *arg, size_t arg_size);

#endif
