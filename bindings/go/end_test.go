// Shutdown, deadlocks, and what is left behind.

package cfutures_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"cfutures"
)

func TestShutdownWaits(t *testing.T) {
	pool := threads(t, 1)
	g := block(t, pool)
	f := submit(t, pool, square, 4)
	mustBe(t, pool.Shutdown(within(t, time.Millisecond)), cfutures.ErrTimeout)
	if f.State() != cfutures.StatePending {
		t.Fatal(f.State())
	}
	g.letThrough()
	must(t, pool.Shutdown(within(t, patience)))
	if got := result(t, f); got != 16 {
		t.Fatal(got)
	}
}

func TestShutdownCancels(t *testing.T) {
	pool := threads(t, 1)
	g := block(t, pool)
	f := submit(t, pool, square, 4)
	mustBe(t, pool.ShutdownNow(within(t, time.Millisecond)), cfutures.ErrTimeout)
	_, err := f.Result(within(t, patience))
	mustBe(t, err, cfutures.ErrCancelled)
	g.letThrough()
	must(t, pool.ShutdownNow(within(t, patience)))
}

func TestSubmitAfterShutdown(t *testing.T) {
	pool := threads(t, 1)
	must(t, pool.Shutdown(within(t, patience)))
	for i := 0; i < 2; i++ {
		_, err := cfutures.Submit(pool, square, 1)
		mustBe(t, err, cfutures.ErrShutdown)
		_, err = cfutures.SubmitFunc(pool, func(context.Context) (int, error) { return 0, nil })
		mustBe(t, err, cfutures.ErrShutdown)
		_, err = cfutures.SubmitMany(pool, square, []int64{1, 2})
		mustBe(t, err, cfutures.ErrShutdown)
		must(t, pool.Close()) // and once more
	}
	if pool.Workers() != 0 || pool.Err() != nil || pool.Shutdown(background) != nil {
		t.Fatal("a closed executor is not neutral")
	}
	mustBe(t, cfutures.Map(background, pool, square, []int64{1}).Err(), cfutures.ErrShutdown)
}

// Two tasks wait for each other, and one of them is told.
func TestDeadlockRefused(t *testing.T) {
	pool := threads(t, 2)
	var first, second *cfutures.Future[int]
	ready := make(chan bool)
	first, err := cfutures.SubmitFunc(pool, func(ctx context.Context) (int, error) {
		<-ready
		return second.Result(ctx)
	})
	must(t, err)
	second, err = cfutures.SubmitFunc(pool, func(ctx context.Context) (int, error) {
		<-ready
		return first.Result(ctx)
	})
	must(t, err)
	close(ready)
	_, one := first.Result(within(t, patience))
	_, two := second.Result(within(t, patience))
	mustBe(t, one, cfutures.ErrDeadlock)
	mustBe(t, two, cfutures.ErrDeadlock)
	mustBe(t, one, cfutures.ErrTaskFailed)
	// A task that waits for itself, and one that waits for the end of its pool.
	ready = make(chan bool)
	var own *cfutures.Future[int]
	own, err = cfutures.SubmitFunc(pool, func(ctx context.Context) (int, error) {
		<-ready
		if err := pool.Shutdown(ctx); !errors.Is(err, cfutures.ErrDeadlock) {
			return 0, errOwn
		}
		if err := pool.Close(); !errors.Is(err, cfutures.ErrDeadlock) {
			return 0, errOwn
		}
		return own.Result(ctx)
	})
	must(t, err)
	close(ready)
	_, err = own.Result(within(t, patience))
	mustBe(t, err, cfutures.ErrDeadlock)
}

// A task may wait for another one of its pool, even if there is one worker.
func TestWaitInTask(t *testing.T) {
	pool := threads(t, 1)
	outer := func(ctx context.Context) (int64, error) {
		inner, err := cfutures.SubmitMany(pool, square, []int64{2, 3, 4})
		if err != nil {
			return 0, err
		}
		if _, _, err := cfutures.Wait(ctx, inner, cfutures.AllCompleted); err != nil {
			return 0, err
		}
		closure, err := cfutures.SubmitFunc(pool, func(context.Context) (int64, error) { return 1, nil })
		if err != nil {
			return 0, err
		}
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		sum, err := closure.Result(limited)
		for _, f := range inner {
			value, failed := f.Result(ctx)
			if failed != nil {
				err = failed
			}
			sum += value
		}
		return sum, err
	}
	for i := 0; i < 100; i++ {
		f, err := cfutures.SubmitFunc(pool, outer)
		must(t, err)
		if got := result(t, f); got != 30 {
			t.Fatal(got)
		}
	}
}

// A wait in a task ends with its context.
func TestWaitInTaskEnds(t *testing.T) {
	pool := threads(t, 2)
	g := newGate(t)
	f := submit(t, pool, atGate, g.address())
	waiting, err := cfutures.SubmitFunc(pool, func(ctx context.Context) (int32, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		return f.Result(ctx)
	})
	must(t, err)
	_, err = waiting.Result(within(t, patience))
	mustBe(t, err, cfutures.ErrTimeout)
	g.letThrough()
	result(t, f)
}

// Futures that were read release at once what C has, forgotten ones when they are collected.
func TestForgottenFutures(t *testing.T) {
	object := cfutures.MustCFunc[uintptr, struct{}](tasks, "tasks_object")
	count := newGate(t) // just memory that is not Go's: one int64
	objects := func() int64 { return atomic.LoadInt64((*int64)(unsafe.Pointer(count))) }
	pool := threads(t, 2)
	for i := 0; i < 100; i++ {
		result(t, submit(t, pool, object, count.address()))
	}
	eventually(t, "all results were read, and none is there", func() bool { return objects() == 0 })
	kept := submit(t, pool, object, count.address())
	for i := 0; i < 5000; i++ {
		submit(t, pool, object, count.address())
	}
	_, err := cfutures.SubmitMany(pool, object, []uintptr{count.address(), count.address()})
	must(t, err)
	must(t, pool.Shutdown(background))
	// The one that is kept keeps those of its lease.
	eventually(t, "forgotten futures are released", func() bool {
		runtime.GC()
		return objects() <= cfutures.LeasePlaces
	})
	if objects() == 0 {
		t.Error("the one that is kept is gone")
	}
	result(t, kept)
}

// An executor that is forgotten ends, and its futures stay.
func TestForgottenExecutor(t *testing.T) {
	f := func() *cfutures.Future[int64] {
		pool, err := cfutures.NewThreadPool(&cfutures.ThreadPoolOptions{Workers: 4, Name: "forgotten"})
		must(t, err)
		for i := 0; i < 100; i++ {
			submit(t, pool, sleep, 0)
		}
		return submit(t, pool, square, 5)
	}()
	if got := result(t, f); got != 25 {
		t.Fatal(got)
	}
	eventually(t, "the threads of a forgotten pool end", func() bool {
		runtime.GC()
		return threadsNamed(t, "forgotten") == 0
	})
}

func threadsNamed(t *testing.T, prefix string) (n int) {
	for _, thread := range listing(t, "/proc/self/task") {
		name, _ := os.ReadFile("/proc/self/task/" + thread.Name() + "/comm") // it may have ended
		if strings.HasPrefix(string(name), prefix) {
			n++
		}
	}
	return n
}

func threadCount(t *testing.T) int { return len(listing(t, "/proc/self/task")) }

func listing(t *testing.T, folder string) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	return entries
}

func residentPages(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	must(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	must(t, err)
	return pages
}

// work is 100,000 tasks and some pools: what it needs at most is there after the first time.
func work(t *testing.T) {
	pool := threads(t, 2)
	for round := 0; round < 10; round++ {
		futures, err := cfutures.SubmitMany(pool, square, make([]int64, 5000))
		must(t, err)
		for i := 0; i < 3000; i++ {
			futures = append(futures, submit(t, pool, square, 1))
		}
		for i := 0; i < 1000; i++ {
			f, err := cfutures.SubmitFunc(pool, func(context.Context) (int64, error) { return 1, nil })
			must(t, err)
			futures = append(futures, f)
		}
		ctx, cancel := context.WithTimeout(background, 10*time.Microsecond)
		for _, f := range futures[:100] {
			f.Result(ctx)
		}
		cfutures.Wait(ctx, futures, cfutures.AllCompleted)
		for range cfutures.AsCompletedChan(ctx, futures) {
		}
		cancel()
		// Forgotten, and released all the same.
		for i := 0; i < 1000; i++ {
			submit(t, pool, square, 1)
		}
		_, pending, err := cfutures.Wait(background, futures, cfutures.AllCompleted)
		must(t, err)
		if len(pending) != 0 {
			t.Fatal(len(pending))
		}
	}
	must(t, pool.Close())
}

func pools(t *testing.T) {
	for i := 0; i < 90; i++ {
		pool := threads(t, 2)
		result(t, submit(t, pool, square, 2))
		must(t, pool.Close())
	}
	for i := 0; i < 10; i++ {
		pool := processes(t, 1)
		result(t, submit(t, pool, square, 2))
		must(t, pool.Close())
	}
}

func TestLeaksNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 tasks take long with a garbage collection for each, or under the race detector")
	}
	counts := func() (goroutines, threads, descriptors, pages int) {
		runtime.GC()
		return runtime.NumGoroutine(), threadCount(t), len(listing(t, "/proc/self/fd")), residentPages(t)
	}
	work(t)
	work(t)
	pools(t)
	goroutines, threads, descriptors, pages := counts()
	work(t)
	pools(t)
	eventually(t, "goroutines and descriptors are as before", func() bool {
		nowGoroutines, _, nowDescriptors, _ := counts()
		return nowGoroutines <= goroutines && nowDescriptors <= descriptors
	})
	_, nowThreads, _, nowPages := counts()
	if nowThreads > threads+4 {
		t.Errorf("%d threads became %d", threads, nowThreads)
	}
	if grown := nowPages - pages; grown > 4096 {
		t.Errorf("the process has grown by %d pages", grown)
	}
}
