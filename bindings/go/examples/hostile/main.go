// A decoder in C that crashes on some inputs, behind a pool of processes: each of 1,000 inputs is accounted for, and
// each crash costs one worker.
package main

// #cgo pkg-config: cfutures
// #include "decode.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand"
	"syscall"
	"unsafe"

	"cfutures"
)

// The decoder is a part of this program: worker processes find it there, and start no Go for it.
var decode = cfutures.CPointer[[]byte, int32](unsafe.Pointer(C.decode))

// inputs are the same at every run.
func inputs(count int) [][]byte {
	random := rand.New(rand.NewSource(1))
	all := make([][]byte, count)
	for i := range all {
		for records := 1 + random.Intn(3); records > 0; records-- {
			record := make([]byte, 2+random.Intn(6))
			random.Read(record)
			record[0] %= 2
			record[1] = byte(len(record) - 2)
			all[i] = append(all[i], record...)
		}
		if random.Intn(20) == 0 { // somebody has had his hands on it
			all[i][0] = byte(2 + random.Intn(2))
		}
		if random.Intn(5) == 0 {
			all[i] = all[i][:len(all[i])-1]
		}
	}
	return all
}

func main() {
	cfutures.WorkerMain()
	// Workers inherit this: a file for each crash is of no use here.
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		log.Fatal(err)
	}
	pool, err := cfutures.NewProcessPool(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	tally := map[string]int{}
	outcomes := cfutures.Map(context.Background(), pool, decode, inputs(1000))
	for outcomes.Next() {
		_, err := outcomes.Result()
		var failure *cfutures.Error
		switch {
		case err == nil:
			tally["decoded"]++
		case errors.Is(err, cfutures.ErrTaskFailed):
			tally["malformed"]++
		case errors.Is(err, cfutures.ErrWorkerDied) && errors.As(err, &failure):
			tally[failure.Signal.String()]++
		}
	}
	if err := outcomes.Err(); err != nil {
		log.Fatal(err)
	}
	left := 1000
	for _, what := range []string{"decoded", "malformed", "segmentation fault", "aborted"} {
		fmt.Printf("%s: %d\n", what, tally[what])
		left -= tally[what]
	}
	fmt.Printf("unaccounted for: %d\n", left)
}
