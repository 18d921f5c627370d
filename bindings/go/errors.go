// How calls and tasks fail. Status is the library's own number and a sentinel for errors.Is; Error carries what
// is known besides. Every error of this package is an *Error, but for those of a context that was cancelled.

package cfutures

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	capi "cfutures/internal/cfutures"
)

// Status says what kind of failure it was. It is an error, to compare with errors.Is:
//
//	if errors.Is(err, cfutures.ErrWorkerDied) { ... }
type Status int32

// The statuses of the library.
const (
	// ErrTimeout: the deadline of the context was over first; the work goes on.
	ErrTimeout = Status(capi.Timeout)
	// ErrCancelled: the future was cancelled, or killed.
	ErrCancelled = Status(capi.Cancelled)
	// ErrTaskFailed: the task returned an error, panicked, or failed with a code of its own.
	ErrTaskFailed = Status(capi.TaskFailed)
	// ErrWorkerDied: the worker process that ran the task died. PID, Signal and ExitCode say how.
	ErrWorkerDied = Status(capi.WorkerDied)
	// ErrBrokenPool: an initializer failed, or a worker died that was not to be replaced.
	ErrBrokenPool = Status(capi.BrokenPool)
	// ErrShutdown: submitted after the executor was shut down.
	ErrShutdown = Status(capi.Shutdown)
	// ErrDeadlock: this wait could never end.
	ErrDeadlock = Status(capi.Deadlock)
	// ErrInvalidArgument: an argument that the call does not take; nothing was changed.
	ErrInvalidArgument = Status(capi.InvalidArgument)
	// ErrInvalidState: the object is in no state that allows the call; nothing was changed.
	ErrInvalidState = Status(capi.InvalidState)
	// ErrForked: the handle belongs to the process that this one was forked from.
	ErrForked = Status(capi.Forked)
	// ErrNoMemory: out of memory, or the limit of a pool's shared memory.
	ErrNoMemory = Status(capi.NoMemory)
	// ErrOS: the operating system refused; Code is the errno, and errors.Is finds it as syscall.Errno.
	ErrOS = Status(capi.OSError)
	// ErrUnsupported: not possible with this kind of executor.
	ErrUnsupported = Status(capi.Unsupported)
	// ErrInternal: a bug in the library, contained.
	ErrInternal = Status(capi.Panic)
	// ErrSizeMismatch: the result of a C function has another size than the Go type.
	ErrSizeMismatch = Status(capi.SizeMismatch)
	// ErrUnknownFunction: the worker processes cannot find the function.
	ErrUnknownFunction = Status(capi.UnknownFunction)
)

// Error says what the status means.
func (s Status) Error() string { return "cfutures: " + capi.Status(s).Message() }

// String returns the name of the status in C, such as "CF_TIMEOUT".
func (s Status) String() string { return capi.Status(s).Name() }

// Error is how a call or a task failed.
type Error struct {
	// Status is what kind of failure it was. errors.Is(err, err.Status) holds.
	Status Status
	// Code is the task's own number of ErrTaskFailed, never 0 there; of ErrOS the errno. A Go function that
	// returns an error has code 1, one that panics code 2.
	Code int32
	// Message says what happened, in words for a person.
	Message string
	// PID is the process id of the worker that died, or 0.
	PID int
	// Signal is the signal that killed it, or 0.
	Signal syscall.Signal
	// ExitCode is what it exited with, or -1.
	ExitCode int

	cause error
}

// Error says what happened.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Status.Error()
	}
	return "cfutures: " + e.Message
}

// Is reports whether the target is the status of the error.
func (e *Error) Is(target error) bool {
	status, ok := target.(Status)
	return ok && status == e.Status
}

// Unwrap returns what caused the error: the error that a Go function returned, a *PanicError, the errno of ErrOS,
// or the error of the context.
func (e *Error) Unwrap() error { return e.cause }

// Timeout reports whether the error is that something was not done in time, as for net.Error.
func (e *Error) Timeout() bool { return e.Status == ErrTimeout }

// PanicError is a panic of a Go function that ran as a task. It is found with errors.As.
type PanicError struct {
	// Value is what was given to panic; of a function in a worker process its text.
	Value any
	// Stack is the stack of the goroutine that panicked, as of debug.Stack.
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

func statusError(status capi.Status, format string, args ...any) *Error {
	return &Error{Status: Status(status), Message: fmt.Sprintf(format, args...), ExitCode: -1}
}

// check is nil for OK.
func check(status capi.Status) error {
	if status == capi.OK {
		return nil
	}
	return &Error{Status: Status(status), Message: status.Message(), ExitCode: -1}
}

func failureError(f *capi.Failure) *Error {
	e := &Error{
		Status:   Status(f.Status),
		Code:     f.Code,
		Message:  f.Message,
		PID:      f.PID,
		Signal:   syscall.Signal(f.Signal),
		ExitCode: f.ExitCode,
	}
	if e.Message == "" {
		e.Message = f.Status.Message()
	}
	if e.Status == ErrOS {
		e.cause = syscall.Errno(e.Code)
	}
	return e
}

// contextError is how a wait ends when its context does: ErrTimeout at the deadline, else the context's own error,
// which is not to be mixed up with ErrCancelled, that of a task.
func contextError(ctx context.Context) error {
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Status: ErrTimeout, Message: "not done in time", ExitCode: -1, cause: err}
	}
	return err
}
