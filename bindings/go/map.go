// Map: one task for each item, outcomes in the order of the items.

package cfutures

import (
	"context"
)

// Mapping gives the outcomes of Map one after the other:
//
//	m := cfutures.Map(ctx, pool, task, items)
//	defer m.Close()
//	for m.Next() {
//		value, err := m.Result()
//		...
//	}
//	if err := m.Err(); err != nil { ... }
//
// Since Go 1.23 All does the same in one loop. One goroutine at a time may use it.
type Mapping[R any] struct {
	ctx     context.Context
	futures []*Future[R]
	value   R
	failed  error
	at      int
	err     error
}

// Map submits a call of the task for each item, and gives their outcomes in the order of the items, whatever ends
// first. That an item fails is told when its turn comes, and ends nothing. When the context ends, so does the map,
// and what has not begun is cancelled.
//
// Each item is a task of its own: for items that take less than some microseconds put several into one.
func Map[A, R any](ctx context.Context, ex *Executor, task Task[A, R], items []A) *Mapping[R] {
	futures, err := SubmitMany(ex, task, items)
	return newMapping(ctx, futures, err)
}

// MapFunc is Map with a Go function, in a thread pool.
func MapFunc[A, R any](ctx context.Context, ex *Executor, function func(context.Context, A) (R, error),
	items []A) *Mapping[R] {
	if function == nil {
		return newMapping[R](ctx, nil, argumentError("there is no function"))
	}
	futures := make([]*Future[R], 0, len(items))
	for _, item := range items {
		item := item
		f, err := SubmitFunc(ex, func(ctx context.Context) (R, error) { return function(ctx, item) })
		if err != nil {
			return newMapping(ctx, futures, err)
		}
		futures = append(futures, f)
	}
	return newMapping(ctx, futures, nil)
}

// newMapping cancels what was submitted if not all could be.
func newMapping[R any](ctx context.Context, futures []*Future[R], err error) *Mapping[R] {
	m := &Mapping[R]{ctx: ctx, futures: futures, err: err}
	if err != nil {
		m.Close()
	}
	return m
}

// Next waits for the next item's outcome. False after the last one, and when the map has failed: see Err.
func (m *Mapping[R]) Next() bool {
	if m.err != nil || m.at >= len(m.futures) {
		return false
	}
	f := m.futures[m.at]
	if err := f.wait(m.ctx); err != nil {
		m.err = err
		m.Close()
		return false
	}
	m.value, m.failed = f.Result(m.ctx)
	m.futures[m.at] = nil
	m.at++
	return true
}

// Result returns the outcome of the item that Next has come to.
func (m *Mapping[R]) Result() (R, error) { return m.value, m.failed }

// Index returns which item that is.
func (m *Mapping[R]) Index() int { return m.at - 1 }

// Err returns why the map ended before its last item: ErrTimeout or the error of the context, or that the items
// could not be submitted. It is nil when all outcomes were given, whatever they were.
func (m *Mapping[R]) Err() error { return m.err }

// Close ends the map, at any time, and cancels what has not begun. Err stays.
func (m *Mapping[R]) Close() {
	for _, f := range m.futures[m.at:] {
		f.Cancel()
	}
	m.at = len(m.futures)
}

// Collect returns all results, and closes the map. It stops at the first item that failed, or at the end of the
// context, with the results before that.
func (m *Mapping[R]) Collect() ([]R, error) {
	defer m.Close()
	results := make([]R, 0, len(m.futures)-m.at)
	for m.Next() {
		if m.failed != nil {
			return results, m.failed
		}
		results = append(results, m.value)
	}
	return results, m.err
}
