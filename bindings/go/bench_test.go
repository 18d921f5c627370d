// What a task costs: go test -run '^$' -bench .

package cfutures_test

import (
	"context"
	"testing"

	"cfutures"
)

func benchmarkPool(b *testing.B) *cfutures.Executor {
	b.Helper()
	pool, err := cfutures.NewThreadPool(&cfutures.ThreadPoolOptions{Workers: 2})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { pool.Close() })
	return pool
}

// collect takes the results of a thousand futures, each of which submit makes.
func collect[R any](b *testing.B, submit func() (*cfutures.Future[R], error)) {
	b.Helper()
	b.ReportAllocs()
	futures := make([]*cfutures.Future[R], 0, 1000)
	for i := 0; i < b.N; i++ {
		f, err := submit()
		if err != nil {
			b.Fatal(err)
		}
		if futures = append(futures, f); len(futures) == cap(futures) || i == b.N-1 {
			for _, f := range futures {
				if _, err := f.Result(background); err != nil {
					b.Fatal(err)
				}
			}
			futures = futures[:0]
		}
	}
}

func BenchmarkCFunc(b *testing.B) {
	pool := benchmarkPool(b)
	collect(b, func() (*cfutures.Future[int64], error) { return cfutures.Submit(pool, square, 3) })
}

func BenchmarkClosure(b *testing.B) {
	pool := benchmarkPool(b)
	collect(b, func() (*cfutures.Future[int], error) {
		return cfutures.SubmitFunc(pool, func(context.Context) (int, error) { return 3, nil })
	})
}

func BenchmarkRoundTrip(b *testing.B) {
	pool := benchmarkPool(b)
	for i := 0; i < b.N; i++ {
		f, err := cfutures.Submit(pool, square, 3)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.Result(background); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSubmitMany(b *testing.B) {
	pool := benchmarkPool(b)
	args := make([]int64, 1000)
	for i := 0; i < b.N; i += len(args) {
		futures, err := cfutures.SubmitMany(pool, square, args)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := cfutures.Wait(background, futures, cfutures.AllCompleted); err != nil {
			b.Fatal(err)
		}
	}
}
