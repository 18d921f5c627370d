// Executors: from options to their end. The public executor.go calls this, and sees to it that a handle is not used
// after it was freed.

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

// Executor is a cf_executor pointer.
type Executor struct{ c *C.cf_executor }

// IsNil tells whether there is no executor.
func (e Executor) IsNil() bool { return e.c == nil }

// Options are those of cf_options; zero values are defaults.
type Options struct {
	Workers            int
	Name               string
	Initializer        Function
	InitializerArg     []byte
	StackSize          int
	MaxSpares          int // negative: none
	NoInlineWait       bool
	WorkerProgram      string
	MaxTasksPerWorker  int
	BreakOnWorkerDeath bool
	SharedMemoryLimit  int64
	WorkerMemoryLimit  int64
}

func bytesPointer(b []byte) unsafe.Pointer {
	if len(b) == 0 {
		return nil
	}
	return unsafe.Pointer(&b[0])
}

// size makes what is negative too large for the library, which refuses it.
func size(n int64) C.size_t {
	if n < 0 {
		return ^C.size_t(0)
	}
	return C.size_t(n)
}

func (o *Options) setText(c *C.cf_options, text string,
	set func(*C.cf_options, *C.char) C.cf_status) C.cf_status {
	s := C.CString(text)
	defer C.free(unsafe.Pointer(s))
	return set(c, s)
}

// apply sets what differs from the default, until something is refused.
func (o *Options) apply(c *C.cf_options) C.cf_status {
	steps := []struct {
		wanted bool
		set    func() C.cf_status
	}{
		{o.Workers != 0, func() C.cf_status { return C.cf_options_set_max_workers(c, size(int64(o.Workers))) }},
		{o.Name != "", func() C.cf_status {
			return o.setText(c, o.Name, func(c *C.cf_options, s *C.char) C.cf_status {
				return C.cf_options_set_name(c, s)
			})
		}},
		{o.Initializer != nil, func() C.cf_status {
			return C.cf_options_set_initializer(c, C.cf_task_fn(o.Initializer),
				bytesPointer(o.InitializerArg), C.size_t(len(o.InitializerArg)))
		}},
		{o.StackSize != 0, func() C.cf_status { return C.cf_options_set_stack_size(c, size(int64(o.StackSize))) }},
		{o.MaxSpares > 0, func() C.cf_status { return C.cf_options_set_max_spares(c, size(int64(o.MaxSpares))) }},
		{o.MaxSpares < 0, func() C.cf_status { return C.cf_options_set_max_spares(c, 0) }},
		{o.NoInlineWait, func() C.cf_status { return C.cf_options_set_inline_wait(c, false) }},
		{o.WorkerProgram != "", func() C.cf_status {
			return o.setText(c, o.WorkerProgram, func(c *C.cf_options, s *C.char) C.cf_status {
				return C.cf_options_set_worker_program(c, s)
			})
		}},
		{o.MaxTasksPerWorker != 0, func() C.cf_status {
			return C.cf_options_set_max_tasks_per_child(c, size(int64(o.MaxTasksPerWorker)))
		}},
		{o.BreakOnWorkerDeath, func() C.cf_status {
			return C.cf_options_set_on_worker_death(c, C.CF_BREAK_POOL)
		}},
		{o.SharedMemoryLimit != 0, func() C.cf_status {
			return C.cf_options_set_shared_memory_limit(c, size(o.SharedMemoryLimit))
		}},
		{o.WorkerMemoryLimit != 0, func() C.cf_status {
			return C.cf_options_set_worker_memory_limit(c, size(o.WorkerMemoryLimit))
		}},
	}
	for _, step := range steps {
		if step.wanted {
			if status := step.set(); status != C.CF_OK {
				return status
			}
		}
	}
	return C.CF_OK
}

func newPool(o *Options, spawn bool,
	create func(*C.cf_options, **C.cf_executor, **C.cf_error) C.cf_status) (Executor, *Failure) {
	var options *C.cf_options
	if status := C.cf_options_new(&options); status != C.CF_OK {
		return Executor{}, failureOf(nil, Status(status))
	}
	defer C.cf_options_free(options)
	status := o.apply(options)
	if status == C.CF_OK && spawn {
		status = C.cf_options_set_start_method(options, C.CF_START_SPAWN)
	}
	if status != C.CF_OK {
		return Executor{}, failureOf(nil, Status(status))
	}
	var c *C.cf_executor
	var e *C.cf_error
	if status = create(options, &c, &e); status != C.CF_OK {
		defer C.cf_error_free(e)
		return Executor{}, failureOf(e, Status(status))
	}
	return Executor{c}, nil
}

// NewThreadPool is cf_thread_pool_new_with.
func NewThreadPool(o *Options) (Executor, *Failure) {
	return newPool(o, false, func(o *C.cf_options, c **C.cf_executor, e **C.cf_error) C.cf_status {
		return C.cf_thread_pool_new_with(o, c, e)
	})
}

// NewProcessPool is cf_process_pool_new_with. A program of Go has threads before main: it spawns its workers.
func NewProcessPool(o *Options) (Executor, *Failure) {
	return newPool(o, true, func(o *C.cf_options, c **C.cf_executor, e **C.cf_error) C.cf_status {
		return C.cf_process_pool_new_with(o, c, e)
	})
}

// MaxWorkers is cf_executor_max_workers.
func (e Executor) MaxWorkers() int { return int(C.cf_executor_max_workers(e.c)) }

// Failure says why the executor is broken; nil if it is not.
func (e Executor) Failure() *Failure {
	if c := C.cf_executor_error(e.c); c != nil {
		return failureOf(c, Status(C.cf_error_status(c)))
	}
	return nil
}

// Shutdown is cf_executor_shutdown.
func (e Executor) Shutdown(wait, cancel bool) Status {
	return Status(C.cf_executor_shutdown(e.c, C.bool(wait), C.bool(cancel)))
}

// Join is cf_executor_join without a time limit.
func (e Executor) Join() Status { return Status(C.cf_executor_join(e.c, C.CF_FOREVER)) }

// Free is cf_executor_free.
func (e Executor) Free() { C.cf_executor_free(e.c) }

// Detach is cf_executor_detach.
func (e Executor) Detach() { C.cf_executor_detach(e.c) }

// TerminateWorkers and KillWorkers end a process pool at once.
func (e Executor) TerminateWorkers() Status { return Status(C.cf_executor_terminate_workers(e.c)) }
func (e Executor) KillWorkers() Status      { return Status(C.cf_executor_kill_workers(e.c)) }

func nanoseconds(d time.Duration) C.int64_t { return C.int64_t(d) }
