//go:build go1.23

// What completed.go and map.go have, as iterators.

package cfutures

import (
	"context"
	"iter"
)

// AsCompleted returns an iterator that gives the futures as they end: first those that have ended already, then the
// others. If the context ends before, its last step is the zero F with the reason, ErrTimeout or the error of the
// context.
//
//	for f, err := range cfutures.AsCompleted(ctx, futures) { ... }
//
// Before Go 1.23 there is AsCompletedChan.
func AsCompleted[F Waitable](ctx context.Context, futures []F) iter.Seq2[F, error] {
	return func(yield func(F, error) bool) {
		a := arrive(futures)
		defer a.leave()
		for range futures {
			i, err := a.next(ctx)
			if err != nil {
				var none F
				yield(none, err)
				return
			}
			if !yield(futures[i], nil) {
				return
			}
		}
	}
}

// All returns an iterator over the outcomes, in the order of the items: each with its result, or how it failed. If
// the context of the map ends before, its last step has the reason.
func (m *Mapping[R]) All() iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		defer m.Close()
		for m.Next() {
			if !yield(m.Result()) {
				return
			}
		}
		if err := m.Err(); err != nil {
			var none R
			yield(none, err)
		}
	}
}
