// Which of some numbers are prime, found out in worker processes by a Go function.
package main

import (
	"context"
	"fmt"
	"log"

	"cfutures"
)

var isPrime = cfutures.Register("primes.isPrime", func(_ context.Context, n int64) (bool, error) {
	if n < 2 || n%2 == 0 {
		return n == 2, nil
	}
	for divisor := int64(3); divisor <= n/divisor; divisor += 2 {
		if n%divisor == 0 {
			return false, nil
		}
	}
	return true, nil
})

func main() {
	cfutures.WorkerMain()

	numbers := []int64{
		112272535095293,
		112582705942171,
		112272535095293,
		115280095190773,
		115797848077099,
		1099726899285419,
	}
	pool, err := cfutures.NewProcessPool(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	primes := cfutures.Map(context.Background(), pool, isPrime, numbers)
	for i := 0; primes.Next(); i++ {
		prime, err := primes.Result()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d is prime: %t\n", numbers[i], prime)
	}
	if err := primes.Err(); err != nil {
		log.Fatal(err)
	}
}
