// Wait, AsCompleted and Map.

package cfutures_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"cfutures"
)

func TestWaitAll(t *testing.T) {
	pool := threads(t, 2)
	g := newGate(t)
	slow := submit(t, pool, atGate, g.address())
	other := submit(t, pool, atGate, g.address())
	time.AfterFunc(time.Millisecond, g.letThrough)
	done, pending, err := cfutures.Wait(within(t, patience), []*cfutures.Future[int32]{slow, other, slow}, cfutures.AllCompleted)
	must(t, err)
	if len(done) != 3 || len(pending) != 0 || done[0] != slow || done[1] != other {
		t.Fatal(done, pending)
	}
	// Futures of different types.
	mixed := []cfutures.Waitable{slow, submit(t, pool, square, 1)}
	all, rest, err := cfutures.Wait(within(t, patience), mixed, cfutures.AllCompleted)
	must(t, err)
	if len(all) != 2 || len(rest) != 0 {
		t.Fatal(all, rest)
	}
}

func TestWaitFirstCompleted(t *testing.T) {
	pool := threads(t, 2)
	g := newGate(t)
	t.Cleanup(g.letThrough)
	slow := submit(t, pool, atGate, g.address())
	quick := submit(t, pool, square, 2)
	done, pending, err := cfutures.Wait(within(t, patience), []cfutures.Waitable{slow, quick}, cfutures.FirstCompleted)
	must(t, err)
	if len(done) != 1 || done[0] != cfutures.Waitable(quick) || len(pending) != 1 || pending[0] != cfutures.Waitable(slow) {
		t.Fatal(done, pending)
	}
}

func TestWaitFirstException(t *testing.T) {
	pool := threads(t, 2)
	g := newGate(t)
	t.Cleanup(g.letThrough)
	slow := submit(t, pool, atGate, g.address())
	good := submit(t, pool, square, 2)
	result(t, good)
	bad := submit(t, pool, failing, 1)
	done, pending, err := cfutures.Wait(within(t, patience), []cfutures.Waitable{slow, good, bad}, cfutures.FirstException)
	must(t, err)
	if len(done) != 2 || len(pending) != 1 || pending[0] != cfutures.Waitable(slow) {
		t.Fatal(done, pending)
	}
}

func TestWaitTimeout(t *testing.T) {
	pool := threads(t, 2)
	g := newGate(t)
	t.Cleanup(g.letThrough)
	slow, quick := submit(t, pool, atGate, g.address()), submit(t, pool, square, 2)
	result(t, quick)
	done, pending, err := cfutures.Wait(within(t, time.Millisecond), []cfutures.Waitable{slow, quick}, cfutures.AllCompleted)
	must(t, err)
	if len(done) != 1 || len(pending) != 1 {
		t.Fatal(done, pending)
	}
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, pending, err = cfutures.Wait(ctx, []cfutures.Waitable{slow}, cfutures.AllCompleted)
	mustBe(t, err, context.Canceled)
	if len(pending) != 1 {
		t.Fatal(pending)
	}
}

func TestAsCompletedOrder(t *testing.T) {
	pool := threads(t, 3)
	gates := []*gate{newGate(t), newGate(t), newGate(t)}
	var futures []*cfutures.Future[int32]
	for _, g := range gates {
		futures = append(futures, submit(t, pool, atGate, g.address()))
	}
	completed := cfutures.AsCompletedChan(within(t, patience), futures)
	for _, i := range []int{2, 0, 1} {
		gates[i].letThrough()
		if got := <-completed; got.Index != i || got.Future != futures[i] || got.Err != nil {
			t.Fatalf("%d was let through, and %+v came", i, got)
		}
	}
	if got, open := <-completed; open {
		t.Fatal(got)
	}
	for got := range cfutures.AsCompletedChan(background, futures) {
		must(t, got.Err)
	}
}

func TestAsCompletedTimeout(t *testing.T) {
	pool := threads(t, 2)
	g := newGate(t)
	t.Cleanup(g.letThrough)
	slow, quick := submit(t, pool, atGate, g.address()), submit(t, pool, square, 2)
	result(t, quick)
	var steps []cfutures.Completed[cfutures.Waitable]
	for step := range cfutures.AsCompletedChan(within(t, time.Millisecond), []cfutures.Waitable{slow, quick}) {
		steps = append(steps, step)
	}
	if len(steps) != 2 || steps[0].Future != cfutures.Waitable(quick) || steps[1].Future != nil {
		t.Fatal(steps)
	}
	mustBe(t, steps[1].Err, cfutures.ErrTimeout)
	mustBe(t, steps[1].Err, context.DeadlineExceeded)
}

func TestMapOrder(t *testing.T) {
	pool := threads(t, 2)
	// The first items take longest.
	m := cfutures.Map(background, pool, sleep, []int64{20, 10, 5, 1, 0})
	var got []int64
	for m.Next() {
		value, err := m.Result()
		must(t, err)
		if m.Index() != len(got) {
			t.Fatal(m.Index(), got)
		}
		got = append(got, value)
	}
	must(t, m.Err())
	if len(got) != 5 || got[0] != 20 || got[4] != 0 {
		t.Fatal(got)
	}
	words, err := cfutures.MapFunc(background, pool, func(_ context.Context, word string) (string, error) {
		return word + "!", nil
	}, []string{"a", "b", "c"}).Collect()
	must(t, err)
	if len(words) != 3 || words[0] != "a!" || words[2] != "c!" {
		t.Fatal(words)
	}
}

func TestMapError(t *testing.T) {
	pool := threads(t, 2)
	items := []int64{1, 2, -1, 3}
	m := cfutures.Map(background, pool, sleep, items)
	for i := 0; m.Next(); i++ {
		value, err := m.Result()
		if items[i] < 0 {
			mustBe(t, err, cfutures.ErrTaskFailed)
		} else if err != nil || value != items[i] {
			t.Fatal(i, value, err)
		}
	}
	must(t, m.Err())
	before, err := cfutures.Map(background, pool, sleep, items).Collect()
	mustBe(t, err, cfutures.ErrTaskFailed)
	if len(before) != 2 || before[1] != 2 {
		t.Fatal(before)
	}
}

func TestMapTimeout(t *testing.T) {
	pool := threads(t, 1)
	release, ran := make(chan bool), make(chan bool, 1)
	m := cfutures.MapFunc(within(t, time.Millisecond), pool, func(_ context.Context, i int) (int, error) {
		if i == 1 {
			ran <- true
		} else {
			<-release
		}
		return 0, nil
	}, []int{0, 1})
	if m.Next() {
		t.Fatal(m.Result())
	}
	mustBe(t, m.Err(), cfutures.ErrTimeout)
	close(release)
	if m.Next() || !errors.Is(m.Err(), cfutures.ErrTimeout) {
		t.Fatal("the map goes on")
	}
	must(t, pool.Close())
	if len(ran) != 0 {
		t.Fatal("an item ran that was cancelled")
	}
}
