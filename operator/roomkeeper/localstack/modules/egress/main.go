// The real Egress, under a main of ours: the pages that its own embeds are not in its Go module, so it serves the ones
// it is given; and it listens on loopback alone, and ends with whoever started it.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/livekit/egress/pkg/config"
	"github.com/livekit/egress/pkg/handler"
	"github.com/livekit/egress/pkg/server"
	"github.com/livekit/egress/pkg/service"
	"github.com/livekit/protocol/logger"
	lkredis "github.com/livekit/protocol/redis"
	"github.com/livekit/protocol/rpc"
	"github.com/livekit/psrpc"
)

// The wish to end with the parent is one of the thread that utters it: let that be the one that stays.
func init() { runtime.LockOSThread() }

func main() {
	run := serve
	if len(os.Args) > 1 && os.Args[1] == "run-handler" { // how Egress starts itself, once for each recording
		run = handle
		os.Args = os.Args[1:]
	}
	if err := run(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func serve() error {
	configuration := flag.String("config", "", "Egress's YAML configuration, a file")
	listen := flag.String("listen", "", "host:port of the pages and of /health")
	files := flag.String("pages", "", "the files of the recording template, with commas between them")
	flag.Parse()
	text, err := os.ReadFile(*configuration)
	if err != nil {
		return err
	}
	conf, err := config.NewServiceConfig(string(text))
	if err != nil {
		return err
	}
	client, err := lkredis.GetRedisClient(conf.Redis)
	if err != nil {
		return err
	}
	bus := psrpc.NewRedisMessageBus(client)
	io, err := service.NewIOClient(bus)
	if err != nil {
		return err
	}
	svc, err := server.NewServer(conf, bus, io)
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- http.ListenAndServe(*listen, pages(strings.Split(*files, ","), svc)) }()
	go func() { failed <- svc.Run() }()

	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	for {
		select {
		case err = <-failed:
			return err
		case <-ended: // as its own main does at SIGINT: what runs is ended, not waited for
			svc.Shutdown(true, true)
		}
	}
}

// pages serves each file under its name.
func pages(files []string, svc *server.Server) http.Handler {
	mux := http.NewServeMux()
	for _, file := range files {
		path := "/" + filepath.Base(file)
		if path == "/index.html" {
			path = "/{$}"
		}
		mux.HandleFunc("GET "+path, func(out http.ResponseWriter, in *http.Request) {
			content, err := os.Open(file)
			if err != nil {
				http.Error(out, err.Error(), http.StatusInternalServerError)
				return
			}
			defer content.Close()
			status, err := content.Stat()
			if err != nil {
				http.Error(out, err.Error(), http.StatusInternalServerError)
				return
			}
			http.ServeContent(out, in, status.Name(), status.ModTime(), content)
		})
	}
	mux.HandleFunc("GET /health", func(out http.ResponseWriter, _ *http.Request) {
		status, err := svc.Status()
		if err != nil {
			http.Error(out, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = out.Write(status)
	})
	return mux
}

func handle() error {
	configuration := flag.String("config", "", "")
	text := flag.String("request", "", "")
	flag.Parse()
	if err := endWithParent(); err != nil {
		return err
	}
	request := &rpc.StartEgressRequest{}
	if err := protojson.Unmarshal([]byte(*text), request); err != nil {
		return err
	}
	conf, err := config.NewPipelineConfig(*configuration, request)
	if err != nil {
		return err
	}
	if err = os.MkdirAll(conf.TmpDir, 0o755); err != nil {
		return err
	}
	if err = os.Setenv("TMPDIR", conf.TmpDir); err != nil {
		return err
	}
	client, err := lkredis.GetRedisClient(conf.Redis)
	if err != nil {
		return err
	}
	h, err := handler.NewHandler(conf, psrpc.NewRedisMessageBus(client))
	if err != nil {
		logger.Errorw("failed to create handler", err)
		return err
	}
	killed := make(chan os.Signal, 1)
	signal.Notify(killed, syscall.SIGINT)
	go func() {
		<-killed
		h.Kill()
	}()
	h.Run()
	return nil
}

// endWithParent has the kernel end this process when the one that started it is gone: Egress puts it into a session of
// its own, where nothing else would.
func endWithParent() error {
	if _, _, failure := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0); failure != 0 {
		return failure
	}
	return nil
}
