// Submitting, futures, and the completion queue: what is done for every task, with one crossing for each step.

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

// number is an address of C as what is done for every task passes it: for a pointer to a type that only C knows, Go
// allocates, as it checks what it points to.
func number(c unsafe.Pointer) C.uintptr_t { return C.uintptr_t(uintptr(c)) }

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

// ReleaseAll releases those that are there.
func ReleaseAll(futures []Future) { C.cf_futures_release(&futures[0].c, C.size_t(len(futures))) }

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

// Outcome is how a future ended.
type Outcome struct {
	Status Status
	// Released: the future is gone, as its result is small and was copied.
	Released bool
	c        *C.cfgo_outcome
}

// Bytes returns the result. It belongs to the outcome or to the future: copy it before either goes.
func (o Outcome) Bytes() []byte {
	if o.c.data != nil {
		return unsafe.Slice((*byte)(unsafe.Pointer(o.c.data)), int(o.c.size))
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&o.c.small)), int(o.c.size))
}

// Finish tells how a future ended, Timeout if it has not, and releases it if it can.
func (f Future) Finish() Outcome {
	c := C.cfgo_finish(f.c)
	return Outcome{Status(c.status), bool(c.released), &c}
}

// TakeInto copies the result of a future that has ended, if it has just that size, and releases the future. Timeout if
// it has not ended; else nothing is done. The room is Go's, and has no pointers in it.
func (f Future) TakeInto(room unsafe.Pointer, size int) Status {
	return Status(C.cfgo_take_into(number(unsafe.Pointer(f.c)), (*C.char)(room), C.size_t(size)))
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

// Add has the queue give the future out under the tag when it has ended.
func (q *Queue) Add(f Future, tag uintptr) Status {
	return Status(C.cfgo_add(q.c, f.c, C.uintptr_t(tag)))
}

// Take waits for futures that have ended and calls settle for each. If that returns true, a reference of the
// caller's own is released too. What Take returns is whether the queue is open.
func (q *Queue) Take(settle func(Future, uintptr, Outcome) bool) bool {
	n := C.cfgo_take(q.c, &q.room[0], C.size_t(len(q.room)))
	for i := range q.room[:n] {
		c := &q.room[i]
		o := Outcome{Status(c.outcome.status), false, &c.outcome}
		c.release_own = C.bool(settle(Future{c.future}, uintptr(c.tag), o))
	}
	C.cfgo_release(&q.room[0], n)
	return n > 0
}

// Submit is cf_executor_submit; the argument is bytes without pointers.
func (e Executor) Submit(function Function, arg unsafe.Pointer, size int) (Future, Status) {
	s := C.cfgo_submit(e.c, C.cf_task_fn(function), (*C.char)(arg), C.size_t(size))
	return Future{s.future}, Status(s.status)
}

// SubmitWords is Submit of an argument of up to 16 bytes, passed by value: what C is given the address of, Go allocates.
func (e Executor) SubmitWords(function Function, first, second uint64, size int) (Future, Status) {
	s := C.cfgo_submit_words(number(unsafe.Pointer(e.c)), number(unsafe.Pointer(function)), C.uint64_t(first),
		C.uint64_t(second), C.size_t(size))
	return Future{s.future}, Status(s.status)
}

// SubmitMany is cf_executor_submit_many, of len(futures) arguments side by side. It returns how many were submitted.
func (e Executor) SubmitMany(function Function, args unsafe.Pointer, size int, futures []Future) (int, Status) {
	if len(futures) == 0 {
		return 0, OK
	}
	var status C.cf_status
	n := C.cfgo_submit_many(e.c, C.cf_task_fn(function), (*C.char)(args), C.size_t(size), C.size_t(len(futures)),
		&futures[0].c, &status)
	return int(n), Status(status)
}
