// Submitting tasks, one and many.

package cfutures

import (
	"context"
	"reflect"
	"unsafe"

	capi "cfutures/internal/cfutures"
)

// Submit submits a call of a task, and returns at once. Tasks start in the order in which they are submitted.
//
// It fails with ErrShutdown after Shutdown or Close, ErrBrokenPool, ErrUnknownFunction, ErrNoMemory, ErrUnsupported
// and ErrInvalidArgument; then nothing has been submitted.
func Submit[A, R any](ex *Executor, task Task[A, R], arg A) (*Future[R], error) {
	if err := task.check(); err != nil {
		return nil, err
	}
	if ex == nil {
		return nil, argumentError("there is no executor")
	}
	if !task.isC() && !ex.processes {
		return SubmitFunc(ex, func(ctx context.Context) (R, error) { return task.run(ctx, arg) })
	}
	f := newFuture[R]()
	if task.isC() {
		p, n, err := encode(&arg)
		if err == nil {
			err = ex.submit(&f.core, task.function, p, n)
		}
		if err != nil {
			return nil, err
		}
		return f, nil
	}
	message, err := task.message(&arg)
	if err != nil {
		return nil, err
	}
	f.registered = true
	if err := ex.submit(&f.core, capi.RegisteredFunction(), unsafe.Pointer(&message[0]), len(message)); err != nil {
		return nil, err
	}
	return f, nil
}

// SubmitMany submits a call of a task for each argument. For C functions with arguments of one size this is cheaper
// than as many calls of Submit. The futures are those that were submitted: all of them, if there is no error.
func SubmitMany[A, R any](ex *Executor, task Task[A, R], args []A) ([]*Future[R], error) {
	if err := task.check(); err != nil {
		return nil, err
	}
	if c := codecOf[A](); task.isC() && (c == codecPlain || c == codecBool) && len(args) > 0 {
		return submitSideBySide(ex, task, args)
	}
	futures := make([]*Future[R], 0, len(args))
	for _, arg := range args {
		f, err := Submit(ex, task, arg)
		if err != nil {
			return futures, err
		}
		futures = append(futures, f)
	}
	return futures, nil
}

// submitSideBySide gives the library all arguments at once: they lie side by side already.
func submitSideBySide[A, R any](ex *Executor, task Task[A, R], args []A) ([]*Future[R], error) {
	q, err := completions()
	if err != nil {
		return nil, err
	}
	c, err := ex.lock()
	if err != nil {
		return nil, err
	}
	defer ex.unlock()
	futures := make([]*Future[R], len(args))
	names := make([]uintptr, len(args))
	for i := range futures {
		futures[i] = newFuture[R]()
		names[i] = tags.put(&futures[i].core)
	}
	handles := make([]capi.Future, len(args))
	size := int(reflect.TypeOf(args).Elem().Size())
	n, status := q.SubmitMany(c, task.function, unsafe.Pointer(&args[0]), size, names, handles)
	for i := range futures[:n] {
		futures[i].attach(handles[i])
	}
	for _, tag := range names[n:] {
		ex.forget(tag, status)
	}
	if status != capi.OK {
		err = ex.explain(status)
	}
	return futures[:n], err
}
