// Package cfutures is the C interface of libcfutures as Go can call it: thin, unchecked, and without any idea of
// its own. The public package is the only user.
//
// Always true: no pointer to Go memory stays in C after a call; Go values are named to C by numbers; a Future is
// valid until its reference is released.
package cfutures

/*
#cgo pkg-config: cfutures
#cgo CFLAGS: -std=c99 -D_POSIX_C_SOURCE=200809L
#cgo LDFLAGS: -ldl
#include "bridge.h"
#include <stdlib.h>
*/
import "C"

import "unsafe"

// Status is a cf_status.
type Status int32

// The statuses that the public package names.
const (
	OK              = Status(C.CF_OK)
	Timeout         = Status(C.CF_TIMEOUT)
	Cancelled       = Status(C.CF_CANCELLED)
	TaskFailed      = Status(C.CF_TASK_FAILED)
	WorkerDied      = Status(C.CF_WORKER_DIED)
	BrokenPool      = Status(C.CF_BROKEN_POOL)
	Shutdown        = Status(C.CF_SHUTDOWN)
	Deadlock        = Status(C.CF_DEADLOCK)
	InvalidArgument = Status(C.CF_INVALID_ARGUMENT)
	InvalidState    = Status(C.CF_INVALID_STATE)
	Forked          = Status(C.CF_FORKED)
	NoMemory        = Status(C.CF_NO_MEMORY)
	OSError         = Status(C.CF_OS_ERROR)
	Unsupported     = Status(C.CF_UNSUPPORTED)
	Panic           = Status(C.CF_PANIC)
	SizeMismatch    = Status(C.CF_SIZE_MISMATCH)
	UnknownFunction = Status(C.CF_UNKNOWN_FUNCTION)
)

// Name returns cf_status_name.
func (s Status) Name() string { return C.GoString(C.cf_status_name(C.int(s))) }

// Message returns cf_status_message.
func (s Status) Message() string { return C.GoString(C.cf_status_message(C.int(s))) }

// State is a cf_state.
type State int32

// Where a future stands.
const (
	Pending   = State(C.CF_STATE_PENDING)
	Running   = State(C.CF_STATE_RUNNING)
	Finished  = State(C.CF_STATE_FINISHED)
	Failed    = State(C.CF_STATE_FAILED)
	Withdrawn = State(C.CF_STATE_CANCELLED)
)

// ReturnWhen is a cf_return_when.
type ReturnWhen int32

// What a wait waits for.
const (
	AllCompleted   = ReturnWhen(C.CF_ALL_COMPLETED)
	FirstCompleted = ReturnWhen(C.CF_FIRST_COMPLETED)
	FirstException = ReturnWhen(C.CF_FIRST_EXCEPTION)
)

// Failure is what a cf_error says, copied.
type Failure struct {
	Status   Status
	Code     int32
	Message  string
	PID      int
	Signal   int
	ExitCode int
}

func failureOf(e *C.cf_error, status Status) *Failure {
	if e == nil {
		return &Failure{Status: status, ExitCode: -1}
	}
	return &Failure{
		Status:   status,
		Code:     int32(C.cf_error_code(e)),
		Message:  C.GoString(C.cf_error_message(e)),
		PID:      int(C.cf_error_pid(e)),
		Signal:   int(C.cf_error_signal(e)),
		ExitCode: int(C.cf_error_exit_code(e)),
	}
}

// Version returns cf_version_string.
func Version() string { return C.GoString(C.cf_version_string()) }

// InWorker tells whether this is a worker process.
func InWorker() bool { return bool(C.cfgo_in_worker()) }

// Park blocks for ever. Unlike an empty select it is no deadlock to the runtime.
func Park() { C.cfgo_park() }

// Function is a cf_task_fn.
type Function unsafe.Pointer

// ClosureFunction and RegisteredFunction are the tasks that run Go functions: the first takes a tag in this
// process, the second a message in worker processes.
func ClosureFunction() Function    { return Function(C.cfgo_closure_function()) }
func RegisteredFunction() Function { return Function(C.cfgo_registered_function()) }
