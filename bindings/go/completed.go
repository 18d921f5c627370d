// Futures in the order in which they end.

package cfutures

import (
	"context"
)

// Completed is one step of AsCompleted.
type Completed[F Waitable] struct {
	// Future has ended, and stands at Index among those that were given.
	Future F
	Index  int
	// Err is nil. In the last step of a context that has ended before the futures it says so: ErrTimeout, or the
	// error of the context; then there is no future.
	Err error
}

// AsCompletedChan returns a channel that gives the futures as they end: first those that have ended already, then
// the others. It is closed after the last one, or when the context has ended.
//
// The channel has room for all, so nothing waits for its reader, who may go at any time.
//
// It is not for use in a task that waits for others of its own pool: the library cannot see a wait for a channel. Wait
// with FirstCompleted, or AsCompleted of Go 1.23, is.
func AsCompletedChan[F Waitable](ctx context.Context, futures []F) <-chan Completed[F] {
	a := arrive(futures)
	out := make(chan Completed[F], len(futures)+1)
	go func() {
		defer close(out)
		for range futures {
			i, err := a.next(ctx)
			if err != nil {
				out <- Completed[F]{Index: -1, Err: err}
				return
			}
			out <- Completed[F]{Future: futures[i], Index: i}
		}
	}()
	return out
}

// An arrival tells under which index a future was given.
type arrival struct {
	index   int
	indices chan<- int
}

// told never blocks: there is room for every index.
func (a *arrival) told(*core) { a.indices <- a.index }

// arrivals gives the indices of futures as they end.
type arrivals struct {
	all      []*core
	watchers []*arrival
	indices  chan int
}

func arrive[F Waitable](futures []F) *arrivals {
	a := &arrivals{
		all:      cores(futures),
		watchers: make([]*arrival, len(futures)),
		indices:  make(chan int, len(futures)),
	}
	for i, c := range a.all {
		a.watchers[i] = &arrival{i, a.indices}
		if !c.watch(a.watchers[i]) {
			a.indices <- i
		}
	}
	return a
}

// next waits for the next one. What has ended is given even after the end of the context.
func (a *arrivals) next(ctx context.Context) (int, error) {
	select {
	case i := <-a.indices:
		return i, nil
	default:
	}
	if err := a.nextInTask(ctx); err != errNotInTask && err != nil {
		return 0, err
	}
	select {
	case i := <-a.indices:
		return i, nil
	case <-ctx.Done():
	}
	select {
	case i := <-a.indices:
		return i, nil
	default:
		a.leave()
		return 0, contextError(ctx)
	}
}

// nextInTask lets the library wait for one that is still to come, so that an index is there afterwards.
func (a *arrivals) nextInTask(ctx context.Context) error {
	if taskOf(ctx) == nil {
		return errNotInTask
	}
	var pending []*core
	for _, c := range a.all {
		if !c.ended.Load() {
			pending = append(pending, c)
		}
	}
	return waitInTask(ctx, pending, FirstCompleted)
}

// leave withdraws from those that have not ended.
func (a *arrivals) leave() {
	for i, c := range a.all {
		if !c.ended.Load() {
			c.unwatch(a.watchers[i])
		}
	}
}
