// Pages, as they arrive: fetched by Go functions in a pool of threads, at most four at a time. They come from a
// server of the program's own, which lets each wait for the one that is to come before it.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"cfutures"
)

type site struct {
	path  string
	size  int
	turn  chan struct{} // closed when it may be sent
	after chan struct{} // closed when it was sent
}

// serve answers with pages of the given sizes, in the order in which they stand there; size 0 is forbidden.
func serve(sites []site) *httptest.Server {
	last := make(chan struct{})
	close(last)
	mux := http.NewServeMux()
	for i := range sites {
		page := &sites[i]
		page.turn, page.after = last, make(chan struct{})
		last = page.after
		mux.HandleFunc(page.path, func(w http.ResponseWriter, _ *http.Request) {
			<-page.turn
			if page.size == 0 {
				http.Error(w, "forbidden", http.StatusForbidden)
				return
			}
			io.WriteString(w, strings.Repeat("x", page.size))
		})
	}
	return httptest.NewServer(mux)
}

func load(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("HTTP error %s", response.Status)
	}
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func main() {
	sites := []site{
		{path: "/birds", size: 20416},
		{path: "/forbidden"},
		{path: "/clouds", size: 65536},
		{path: "/atlas", size: 182400},
	}
	server := serve(sites)
	defer server.Close()
	pool, err := cfutures.NewThreadPool(&cfutures.ThreadPoolOptions{Workers: 4, Name: "pages"})
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	// The page that comes first is asked for last.
	futures := make([]*cfutures.Future[string], len(sites))
	for i := len(sites) - 1; i >= 0; i-- {
		url := server.URL + sites[i].path
		futures[i], err = cfutures.SubmitFunc(pool, func(ctx context.Context) (string, error) { return load(ctx, url) })
		if err != nil {
			log.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for done := range cfutures.AsCompletedChan(ctx, futures) {
		if done.Err != nil {
			log.Fatal(done.Err)
		}
		page := sites[done.Index]
		if text, err := done.Future.Result(ctx); err != nil {
			fmt.Printf("%s has generated an error: %v\n", page.path, err)
		} else {
			fmt.Printf("%s page is %d bytes\n", page.path, len(text))
		}
		close(page.after)
	}
}
