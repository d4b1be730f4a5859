// A stand-in for LiveKit's Egress: a test tool. It speaks the real worker's protocol, joins rooms as the real one does
// and uploads small objects where that would upload recordings, but it records nothing. What the real one only does by
// bad luck it does on request: see faults.go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/rpc"
	"github.com/livekit/psrpc"
)

const endTime = 10 * time.Second // for all uploads and last updates, once it is told to end

func main() {
	if len(os.Args) == 2 && os.Args[1] == "join" {
		join()
		return
	}
	configFile := flag.String("config", "", "a JSON file: see config")
	flag.Parse()
	if err := serve(*configFile); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

type config struct {
	Redis     string // host:port
	URL       string // of LiveKit
	APIKey    string
	APISecret string
	Control   string            // host:port
	Storage   *livekit.S3Upload // the worker's own: for requests that have none, and its keys for those that have no keys
}

func read(path string) (*config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &config{}
	return c, json.Unmarshal(text, c)
}

func serve(configFile string) error {
	c, err := read(configFile)
	if err != nil {
		return err
	}
	bus := psrpc.NewRedisMessageBus(redis.NewClient(&redis.Options{Addr: c.Redis}))
	io, err := rpc.NewIOInfoClient(bus)
	if err != nil {
		return err
	}
	w := &worker{config: c, io: io, faults: &faults{}, ending: make(chan struct{}), jobs: map[string]*job{}, known: map[string]*start{}}
	if w.handler, err = rpc.NewEgressHandlerServer(w, bus); err != nil {
		return err
	}
	server, err := rpc.NewEgressInternalServer(w, bus)
	if err != nil {
		return err
	}
	if err = errors.Join(server.RegisterStartEgressTopic(""), server.RegisterListActiveEgressTopic("")); err != nil {
		return err
	}
	control := &http.Server{Addr: c.Control, Handler: w.control(), ReadHeaderTimeout: time.Second}
	failed := make(chan error, 1)
	go func() { failed <- control.ListenAndServe() }()
	fmt.Println("this is a test tool: a stand-in for LiveKit's Egress, which records nothing")

	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	select {
	case err = <-failed:
	case <-ended.Done():
	}
	close(w.ending)
	server.Shutdown()
	w.endAll(endTime)
	w.handler.Shutdown()
	return errors.Join(err, control.Close())
}
