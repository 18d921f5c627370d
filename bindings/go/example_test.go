// The examples of the documentation.

package cfutures_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"syscall"
	"time"

	"cfutures"
)

var cube = cfutures.Register("example.cube", func(_ context.Context, n int) (int, error) {
	return n * n * n, nil
})

func Example() {
	pool, err := cfutures.NewProcessPool(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	future, err := cfutures.Submit(pool, cube, 3) // cube was given a name by Register
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(future.Result(context.Background()))
	// Output: 27 <nil>
}

func ExampleCFunc() {
	library, err := cfutures.OpenLibrary(os.Getenv("CFUTURES_TASKS"))
	if err != nil {
		log.Fatal(err)
	}
	// int32_t tasks_square(cf_task *task, void *arg, size_t arg_size), of an int64_t
	square, err := cfutures.CFunc[int64, int64](library, "tasks_square")
	if err != nil {
		log.Fatal(err)
	}
	pool, err := cfutures.NewThreadPool(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	future, err := cfutures.Submit(pool, square, 12)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(future.Result(context.Background()))
	// Output: 144 <nil>
}

func ExampleSubmitFunc() {
	pool, err := cfutures.NewThreadPool(&cfutures.ThreadPoolOptions{Workers: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	future, err := cfutures.SubmitFunc(pool, func(ctx context.Context) (string, error) {
		return "done", nil
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	fmt.Println(future.Result(ctx))
	// Output: done <nil>
}

func ExampleMap() {
	pool, err := cfutures.NewProcessPool(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	cubes := cfutures.Map(context.Background(), pool, cube, []int{1, 2, 3})
	for cubes.Next() {
		fmt.Println(cubes.Result())
	}
	fmt.Println(cubes.Err())
	// Output:
	// 1 <nil>
	// 8 <nil>
	// 27 <nil>
	// <nil>
}

func ExampleAsCompletedChan() {
	pool, err := cfutures.NewThreadPool(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	futures, err := cfutures.SubmitMany(pool, cube, []int{2, 3})
	if err != nil {
		log.Fatal(err)
	}
	ctx, sum := context.Background(), 0
	for done := range cfutures.AsCompletedChan(ctx, futures) {
		value, err := done.Future.Result(ctx)
		if err != nil {
			log.Fatal(err)
		}
		sum += value
	}
	fmt.Println(sum)
	// Output: 35
}

func ExampleWait() {
	pool, err := cfutures.NewThreadPool(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	futures, err := cfutures.SubmitMany(pool, cube, []int{2, 3, 4})
	if err != nil {
		log.Fatal(err)
	}
	done, pending, err := cfutures.Wait(context.Background(), futures, cfutures.AllCompleted)
	fmt.Println(len(done), len(pending), err)
	// Output: 3 0 <nil>
}

func ExampleError() {
	pool, err := cfutures.NewProcessPool(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	future, err := cfutures.Submit(pool, crash, int32(syscall.SIGSEGV)) // a C function
	if err != nil {
		log.Fatal(err)
	}
	_, err = future.Result(context.Background())
	var failure *cfutures.Error
	if errors.Is(err, cfutures.ErrWorkerDied) && errors.As(err, &failure) {
		fmt.Println("a worker died of a", failure.Signal)
	}
	// Output: a worker died of a segmentation fault
}
