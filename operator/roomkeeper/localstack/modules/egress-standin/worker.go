package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/rpc"
	"github.com/livekit/psrpc"
)

type worker struct {
	rpc.UnimplementedEgressInternalServer
	rpc.UnimplementedEgressHandlerServer

	config  *config
	io      rpc.IOInfoClient
	handler rpc.EgressHandlerServer
	faults  *faults
	ending  chan struct{} // closed when nothing is waited for any more

	mu     sync.Mutex
	jobs   map[string]*job   // that run
	known  map[string]*start // all that were ever asked for
	starts []*start          // the same, in order
}

// start is one egress that was asked for. LiveKit asks again and again with the same id until it has an answer: all of
// that is one start, with one fault.
type start struct {
	request *rpc.StartEgressRequest
	source  *source
	fault   *fault // of the start; nil: none

	mu      sync.Mutex
	answer  *answer // nil: it was not taken
	job     *job
	started time.Time
	ended   time.Time
}

type answer struct {
	at   time.Time
	info *livekit.EgressInfo
}

func (s *start) is(kind string) bool { return s.fault != nil && s.fault.Kind == kind }

func (s *start) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended.IsZero() {
		s.ended = time.Now()
	}
}

// ask returns the start that this request is of; new ones take the fault that is armed for them.
func (w *worker) ask(request *rpc.StartEgressRequest) *start {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.known[request.EgressId]; s != nil {
		return s
	}
	what, _ := sourceOf(request)
	s := &start{request: request, source: what, fault: w.faults.take(what.scope(), startFaults)}
	w.known[request.EgressId] = s
	w.starts = append(w.starts, s)
	return s
}

func (w *worker) StartEgressAffinity(_ context.Context, request *rpc.StartEgressRequest) float32 {
	if s := w.ask(request); s.is("busy") {
		return -1
	}
	return 1
}

func (w *worker) StartEgress(ctx context.Context, request *rpc.StartEgressRequest) (*livekit.EgressInfo, error) {
	s := w.ask(request)
	if s.is("refuse") {
		return nil, invalid("output")
	}
	s.mu.Lock()
	taken := s.answer != nil
	if !taken {
		if err := w.begin(ctx, s); err != nil {
			s.mu.Unlock()
			return nil, err
		}
	}
	s.mu.Unlock()
	return w.reply(s, taken)
}

// begin starts it; what is wrong with the request is said before anything happens.
func (w *worker) begin(ctx context.Context, s *start) error {
	if _, err := sourceOf(s.request); err != nil {
		return err
	}
	now := time.Now()
	info := &livekit.EgressInfo{
		EgressId: s.request.EgressId, RoomId: s.request.RoomId, Status: livekit.EgressStatus_EGRESS_STARTING,
		StartedAt: now.UnixNano(), UpdatedAt: now.UnixNano(), SourceType: sourceType(s.source),
	}
	show(s.request, info)
	outputs, err := w.outputsOf(s.request, s.source, info)
	if err != nil {
		return err
	}
	if _, err = w.io.CreateEgress(ctx, info, psrpc.WithRequestTimeout(15*time.Second)); err != nil {
		return err
	}
	j := &job{
		worker: w, source: s.source, outputs: outputs, start: s, info: info, stop: make(chan string, 1),
		strike: make(chan *fault, 8), dead: make(chan struct{}), ended: make(chan struct{}),
	}
	id := info.EgressId
	if err = errors.Join(w.handler.RegisterStopEgressTopic(id), w.handler.RegisterUpdateStreamTopic(id)); err != nil {
		return err
	}
	s.job, s.started = j, now
	s.answer = &answer{at: now, info: proto.CloneOf(info)}
	if s.is("answer_late") {
		s.answer.at = now.Add(s.fault.delay())
	}
	w.mu.Lock()
	w.jobs[id] = j
	w.mu.Unlock()
	if f := w.faults.take(s.source.scope(), runFaults); f != nil {
		j.strike <- f
	}
	go j.run()
	return nil
}

func sourceType(s *source) livekit.EgressSourceType {
	if s.kind == "web" || s.kind == "room_composite" {
		return livekit.EgressSourceType_EGRESS_SOURCE_TYPE_WEB
	}
	return livekit.EgressSourceType_EGRESS_SOURCE_TYPE_SDK
}

// reply is what the caller gets once the egress has started.
func (w *worker) reply(s *start, again bool) (*livekit.EgressInfo, error) {
	switch {
	case s.is("answer_failed"):
		return nil, psrpc.NewErrorf(psrpc.Internal, "the stand-in was told to fail the answer")
	case s.is("answer_unavailable"):
		return nil, psrpc.NewErrorf(psrpc.Unavailable, "the stand-in was told to fail the answer")
	case s.is("answer_lost"), s.is("answer_late"):
		// Also beyond the time limit of who asked: an error in time would be an answer.
		late := make(<-chan time.Time) // never, if it is lost
		if s.is("answer_late") {
			late = time.After(time.Until(s.answer.at))
		}
		select {
		case <-late:
		case <-w.ending:
			return nil, psrpc.NewErrorf(psrpc.Unavailable, "server is shutting down")
		}
	case again:
		return nil, psrpc.NewErrorf(psrpc.AlreadyExists, "egress already exists")
	}
	return s.answer.info, nil
}

func (w *worker) ListActiveEgress(context.Context, *rpc.ListActiveEgressRequest) (*rpc.ListActiveEgressResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &rpc.ListActiveEgressResponse{EgressIds: slices.Collect(maps.Keys(w.jobs))}, nil
}

func (w *worker) find(id string) (*job, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if j := w.jobs[id]; j != nil {
		return j, nil
	}
	return nil, psrpc.NewErrorf(psrpc.NotFound, "egress not found")
}

func (j *job) ask(reason string) {
	select {
	case j.stop <- reason:
	default: // it ends already
	}
}

func (w *worker) StopEgress(_ context.Context, request *livekit.StopEgressRequest) (*livekit.EgressInfo, error) {
	j, err := w.find(request.EgressId)
	if err != nil {
		return nil, err
	}
	j.ask(livekit.EndReasonAPI)
	return j.seen(), nil
}

func (w *worker) UpdateStream(_ context.Context, request *livekit.UpdateStreamRequest) (*livekit.EgressInfo, error) {
	j, err := w.find(request.EgressId)
	if err != nil {
		return nil, err
	}
	if len(j.seen().StreamResults) == 0 {
		return nil, psrpc.NewErrorf(psrpc.InvalidArgument, "UpdateStream called on non-streaming egress")
	}
	var errs []error
	last := false
	j.set(func(info *livekit.EgressInfo) {
		for _, address := range request.AddOutputUrls {
			errs = append(errs, j.outputs.addStream(info, address))
		}
		for _, address := range request.RemoveOutputUrls {
			done, err := j.outputs.removeStream(address)
			last, errs = last || done, append(errs, err)
		}
		info.UpdatedAt = time.Now().UnixNano()
	})
	if last {
		j.ask(livekit.EndReasonStreamsStopped)
	}
	go j.tell()
	return j.seen(), errors.Join(errs...)
}

// forget makes it one that nobody answers for.
func (w *worker) forget(j *job) {
	id := j.info.EgressId
	w.handler.DeregisterStopEgressTopic(id)
	w.handler.DeregisterUpdateStreamTopic(id)
	j.start.end()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.jobs, id)
}

// endAll ends what runs, as a worker does that is told to.
func (w *worker) endAll(within time.Duration) {
	w.mu.Lock()
	running := slices.Collect(maps.Values(w.jobs))
	w.mu.Unlock()
	for _, j := range running {
		j.ask(livekit.EndReasonKilled)
	}
	deadline := time.After(within)
	for _, j := range running {
		select {
		case <-j.ended:
		case <-deadline:
			return
		}
	}
}
