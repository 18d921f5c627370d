// Future, the outcome of one task.

package cfutures

import (
	"context"
	"sync"
	"unsafe"
)

// Future is a call that was submitted, and its outcome. Any number of goroutines may use it at the same time.
//
// It needs no release: once it has ended it is a plain Go value, and one that nobody refers to any more does not
// stop its task.
type Future[T any] struct {
	core
	codec codec
	value T
	late  *late // of a type that needs gob
}

// A late result is not decoded before somebody asks for it, so that nobody else waits for that.
type late struct {
	encoded []byte
	decode  sync.Once
}

func newFuture[T any](codec codec) *Future[T] {
	f := &Future[T]{codec: codec}
	f.sink = f
	return f
}

// room: a value of C is what its bytes are.
func (f *Future[T]) room() (unsafe.Pointer, int) {
	if f.codec != codecPlain || unsafe.Sizeof(f.value) == 0 {
		return nil, 0
	}
	return unsafe.Pointer(&f.value), int(unsafe.Sizeof(f.value))
}

// take is called once, with the result.
func (f *Future[T]) take(result []byte) (err error) {
	switch {
	case f.call != nil:
		f.call.over.Load()
	case f.codec == codecGob:
		f.late = &late{encoded: append([]byte{}, result...)}
	default:
		f.value, err = decode[T](f.codec, result)
	}
	return err
}

// Result returns the task's result, and waits for it if need be.
//
// The error is an *Error that says how the task failed, or that the wait was given up: ErrTimeout if the context's
// deadline was over first, the error of the context if it was cancelled. Neither touches the task, and Result may
// be called again.
func (f *Future[T]) Result(ctx context.Context) (T, error) {
	if err := f.wait(ctx); err != nil {
		var none T
		return none, err
	}
	if late := f.late; late != nil {
		late.decode.Do(func() {
			f.value, f.err = decode[T](f.codec, late.encoded)
			late.encoded = nil
		})
	}
	if f.err != nil {
		var none T
		return none, f.err
	}
	return f.value, nil
}

// OnDone has a function called once, in a goroutine of its own, when the future has ended, however it ended; also
// if that has come already.
func (f *Future[T]) OnDone(function func(*Future[T])) {
	callback := &callback{func() { function(f) }}
	if !f.watch(callback) {
		callback.told(nil)
	}
}

type callback struct{ run func() }

func (c *callback) told(*core) { go c.run() }
