//go:build go1.23

// The iterators.

package cfutures_test

import (
	"context"
	"testing"
	"time"

	"cfutures"
)

func TestAsCompletedIterator(t *testing.T) {
	pool := threads(t, 3)
	gates := []*gate{newGate(t), newGate(t), newGate(t)}
	var futures []*cfutures.Future[int32]
	for _, g := range gates {
		futures = append(futures, submit(t, pool, atGate, g.address()))
	}
	order := []int{1, 2, 0}
	gates[order[0]].letThrough()
	step := 0
	for f, err := range cfutures.AsCompleted(within(t, patience), futures) {
		must(t, err)
		if f != futures[order[step]] {
			t.Fatalf("step %d gave another future", step)
		}
		if step++; step < len(order) {
			gates[order[step]].letThrough()
		}
	}
	if step != len(order) {
		t.Fatal(step)
	}
	for range cfutures.AsCompleted(background, futures) {
		break
	}
}

func TestAsCompletedIteratorTimeout(t *testing.T) {
	pool := threads(t, 1)
	g := newGate(t)
	t.Cleanup(g.letThrough)
	slow := []*cfutures.Future[int32]{submit(t, pool, atGate, g.address())}
	steps := 0
	for f, err := range cfutures.AsCompleted(within(t, time.Millisecond), slow) {
		mustBe(t, err, cfutures.ErrTimeout)
		if f != nil {
			t.Fatal(f)
		}
		steps++
	}
	if steps != 1 {
		t.Fatal(steps)
	}
}

// In a task the iterator waits in the library: with one worker nothing else would ever run what it waits for.
func TestAsCompletedIteratorInTask(t *testing.T) {
	pool := threads(t, 1)
	outer, err := cfutures.SubmitFunc(pool, func(ctx context.Context) (int64, error) {
		inner, err := cfutures.SubmitMany(pool, square, []int64{1, 2, 3})
		sum := int64(0)
		for f, failed := range cfutures.AsCompleted(ctx, inner) {
			if failed != nil {
				return 0, failed
			}
			value, failed := f.Result(ctx)
			if failed != nil {
				err = failed
			}
			sum += value
		}
		return sum, err
	})
	must(t, err)
	if got := result(t, outer); got != 14 {
		t.Fatal(got)
	}
}

func TestMapAll(t *testing.T) {
	pool := threads(t, 2)
	items := []int64{4, -1, 2}
	i := 0
	for value, err := range cfutures.Map(background, pool, sleep, items).All() {
		if items[i] < 0 {
			mustBe(t, err, cfutures.ErrTaskFailed)
		} else if err != nil || value != items[i] {
			t.Fatal(value, err)
		}
		i++
	}
	if i != len(items) {
		t.Fatal(i)
	}
	g := block(t, pool)
	for _, err := range cfutures.Map(within(t, time.Millisecond), pool, square, []int64{1, 2}).All() {
		mustBe(t, err, cfutures.ErrTimeout)
	}
	g.letThrough()
}
