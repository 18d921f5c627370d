// How the ends of futures come to Go. One goroutine waits in the library's completion queue, for the whole
// process; it is started by the first wait that cannot be answered at once, and takes one thread of the system.
// However many goroutines wait for futures, they wait for Go's own channels.
//
// Always true: a future that is in the queue is in the table of tags, until the goroutine has taken it out.

package cfutures

import (
	"runtime"
	"sync"

	capi "cfutures/internal/cfutures"
)

// A table gives futures the numbers by which C knows them. It is a cgo.Handle for what comes by the million: that
// is a sync.Map, which takes four times as long.
type table struct {
	mu    sync.Mutex
	slots []*core
	free  []uintptr
}

func (t *table) put(c *core) uintptr {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.free); n > 0 {
		tag := t.free[n-1]
		t.free = t.free[:n-1]
		t.slots[tag] = c
		return tag
	}
	t.slots = append(t.slots, c)
	return uintptr(len(t.slots) - 1)
}

func (t *table) get(tag uintptr) *core {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.slots[tag]
}

func (t *table) drop(tag uintptr) *core {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.slots[tag]
	t.slots[tag] = nil
	t.free = append(t.free, tag)
	return c
}

var (
	tags     table
	queue    *capi.Queue
	queueErr error
	started  sync.Once
)

// completions returns the process's queue, and has somebody wait in it.
func completions() (*capi.Queue, error) {
	started.Do(func() {
		q, status := capi.NewQueue()
		if queueErr = check(status); queueErr == nil {
			queue = q
			go takeAll(q)
		}
	})
	return queue, queueErr
}

func takeAll(q *capi.Queue) {
	for open, woken := true, false; open; woken = false {
		open = q.Take(func(_ capi.Future, tag uintptr, outcome capi.Outcome) bool {
			release, told := tags.drop(tag).taken(outcome)
			woken = woken || told
			return release
		})
		if woken {
			// Who was woken runs on this processor, before it goes into C with this goroutine.
			runtime.Gosched()
		}
	}
}
