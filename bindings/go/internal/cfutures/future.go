package cfutures

/*
#include "bridge.h"
#include <stdlib.h>
*/
import "C"

import (
	"time"
	"unsafe"
)

// Future is a cf_future pointer.
type Future struct{ c *C.cf_future }

// IsNil tells whether there is no future.
func (f Future) IsNil() bool { return f.c == nil }

// NewFuture makes a future by hand, which the caller owns.
func NewFuture() (Future, Status) {
	var c *C.cf_future
	status := C.cf_future_new(&c)
	return Future{c}, Status(status)
}

// SetResult completes a future made by hand.
func (f Future) SetResult() { C.cf_future_set_result(f.c, nil, 0) }

// Retain takes a reference of the caller's own.
func (f Future) Retain() { C.cf_future_retain(f.c) }

// Release gives it back.
func (f Future) Release() { C.cf_future_release(f.c) }

// Cancel is cf_future_cancel.
func (f Future) Cancel() bool { return bool(C.cf_future_cancel(f.c)) }

// Kill is cf_future_kill.
func (f Future) Kill(grace time.Duration) Status {
	return Status(C.cf_future_kill(f.c, nanoseconds(grace)))
}

// State is cf_future_state.
func (f Future) State() State { return State(C.cf_future_state(f.c)) }

// Failure says why a future that has ended failed.
func (f Future) Failure(status Status) *Failure { return failureOf(C.cf_future_error(f.c), status) }

// Ended is a future that has ended. Data is the future's own.
type Ended struct {
	Tag    uintptr
	Future Future
	Data   unsafe.Pointer
	Size   int
	Status Status
}

func endedOf(c *C.cfgo_ended) Ended {
	return Ended{uintptr(c.tag), Future{c.future}, c.data, int(c.size), Status(c.status)}
}

// Outcome tells how a future ended; CF_TIMEOUT if it has not.
func (f Future) Outcome() Ended {
	c := C.cfgo_outcome(f.c)
	return endedOf(&c)
}

// WaitInTask is cf_wait, without a limit, on the thread of a running task. On any other thread it is InvalidState.
func WaitInTask(thread uintptr, futures []Future, when ReturnWhen) Status {
	var first **C.cf_future
	if len(futures) > 0 {
		first = &futures[0].c
	}
	return Status(C.cfgo_wait_in_task(C.uintptr_t(thread), first, C.size_t(len(futures)), C.int(when)))
}

// Queue is a cf_completion_queue, and room for what was taken out of it.
type Queue struct {
	c    *C.cf_completion_queue
	room [64]C.cfgo_ended
}

// NewQueue makes a queue. It is never freed: there is one for the process.
func NewQueue() (*Queue, Status) {
	q := &Queue{}
	status := C.cf_completion_queue_new(&q.c)
	return q, Status(status)
}

// Take waits for futures that have ended and calls f for each. What Take returns is whether the queue is open.
func (q *Queue) Take(f func(Ended)) bool {
	n := C.cfgo_take(q.c, &q.room[0], C.size_t(len(q.room)))
	for i := range q.room[:n] {
		f(endedOf(&q.room[i]))
	}
	C.cfgo_release(&q.room[0], n)
	return n > 0
}

// Submit submits a task whose end the queue reports under the tag.
func (q *Queue) Submit(e Executor, function Function, arg unsafe.Pointer, size int, tag uintptr) (Future, Status) {
	s := C.cfgo_submit(e.c, C.cf_task_fn(function), (*C.char)(arg), C.size_t(size), q.c, C.uintptr_t(tag))
	return Future{s.future}, Status(s.status)
}

// SubmitMany does so for len(tags) arguments of the same size, side by side. It fills in futures, and returns how
// many were submitted.
func (q *Queue) SubmitMany(e Executor, function Function, args unsafe.Pointer, size int, tags []uintptr,
	futures []Future) (int, Status) {
	if len(tags) == 0 {
		return 0, OK
	}
	var status C.cf_status
	n := C.cfgo_submit_many(e.c, C.cf_task_fn(function), (*C.char)(args), C.size_t(size), C.size_t(len(tags)), q.c,
		(*C.uintptr_t)(unsafe.Pointer(&tags[0])), &futures[0].c, &status)
	return int(n), Status(status)
}
