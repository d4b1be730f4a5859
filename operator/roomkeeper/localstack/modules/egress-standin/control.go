package main

import (
	"encoding/json"
	"net/http"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/livekit/protocol/livekit"
)

// control is the door for tests: GET /egresses?room=, POST /faults (a fault), DELETE /faults?room=.
func (w *worker) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /egresses", func(out http.ResponseWriter, in *http.Request) {
		_ = json.NewEncoder(out).Encode(w.list(in.URL.Query().Get("room")))
	})
	mux.HandleFunc("POST /faults", func(out http.ResponseWriter, in *http.Request) {
		f := &fault{}
		err := json.NewDecoder(in.Body).Decode(f)
		if err == nil {
			err = f.check()
		}
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadRequest)
			return
		}
		w.arm(f)
	})
	mux.HandleFunc("DELETE /faults", func(_ http.ResponseWriter, in *http.Request) {
		w.faults.clear(in.URL.Query().Get("room"))
	})
	return mux
}

// arm strikes what runs in the room already, if the fault is one that can, and keeps the rest for what is to come.
func (w *worker) arm(f *fault) {
	w.faults.arm(f)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range w.jobs {
		if j.source.scope() != f.Room {
			continue
		}
		if taken := w.faults.take(f.Room, runFaults); taken != nil {
			j.strike <- taken
		}
	}
}

type shown struct {
	ID      string          `json:"id"`
	Room    string          `json:"room"`
	Kind    string          `json:"kind"`
	Request json.RawMessage `json:"request"` // without secrets
	Status  string          `json:"status"`  // "": it was not taken
	Running bool            `json:"running"`
	Started float64         `json:"started"` // seconds of the Unix clock; 0: it was not
	Ended   float64         `json:"ended"`
	Fault   string          `json:"fault"` // of the start
}

func (w *worker) list(room string) []shown {
	w.mu.Lock()
	starts := w.starts
	w.mu.Unlock()
	list := []shown{}
	for _, s := range starts {
		if room == "" || s.source.scope() == room {
			list = append(list, s.shown())
		}
	}
	return list
}

func (s *start) shown() shown {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := &livekit.EgressInfo{}
	show(s.request, info)
	request, _ := protojson.Marshal(info)
	out := shown{ID: s.request.EgressId, Room: s.source.scope(), Kind: s.source.kind, Request: request}
	if s.fault != nil {
		out.Fault = s.fault.Kind
	}
	if s.job != nil {
		out.Status = s.job.seen().Status.String()
		out.Running = s.ended.IsZero()
	}
	out.Started, out.Ended = seconds(s.started), seconds(s.ended)
	return out
}

func seconds(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMicro()) / 1e6
}
