// What becomes of references to futures that the program forgets before their end was seen.
//
// A finalizer for each future would take longer than its task. So futures share leases, and a lease whose futures
// are all forgotten gives back what is left of it.
//
// Always true: a place of a lease is written by the future that has it, until that has ended; the finalizer runs when
// nobody refers to the lease any more.

package cfutures

import (
	"runtime"
	"sync"

	capi "cfutures/internal/cfutures"
)

// A future that has not ended keeps the forgotten ones of its lease: that many less one.
const leasePlaces = 32

type leases struct {
	used    int
	handles [leasePlaces]capi.Future
}

// A lease is one place in leases.
type lease struct {
	of    *leases
	place uint8
}

// begun holds leases that have places left. One that the pool drops is as good as full.
var begun = sync.Pool{New: func() any {
	l := &leases{}
	runtime.SetFinalizer(l, func(l *leases) {
		capi.ReleaseAll(l.handles[:])
	})
	return l
}}

// lend takes over a reference until the lease ends.
func lend(handle capi.Future) lease {
	l := begun.Get().(*leases)
	place := l.used
	l.handles[place] = handle
	if l.used++; l.used < leasePlaces {
		begun.Put(l)
	}
	return lease{l, uint8(place)}
}

// end leaves the reference to the caller.
func (l *lease) end() {
	if l.of != nil {
		l.of.handles[l.place] = capi.Future{}
		l.of = nil
	}
}
