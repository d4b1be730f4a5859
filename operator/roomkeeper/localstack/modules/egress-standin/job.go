package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/psrpc"
)

const longestPause = 5 * time.Second // between two tries to tell LiveKit

// job is one egress, from its start to what is told last.
type job struct {
	worker  *worker
	source  *source
	outputs *outputs
	start   *start
	stop    chan string   // why it is to end
	strike  chan *fault   // a fault of those that strike what runs
	dead    chan struct{} // closed when it dies
	ended   chan struct{} // closed when nothing more comes of it

	mu   sync.Mutex
	info *livekit.EgressInfo
	fail bool // whether its upload is to fail

	telling sync.Mutex // what is told comes in order
}

// run is the whole life; it returns when the end was told, or when it died.
func (j *job) run() {
	defer close(j.ended)
	var member *member
	events := make(chan event, 1)
	if j.source.room == "" {
		events <- event{Kind: "ready"}
	} else {
		var err error
		if member, err = j.worker.join(j.source, j.info.EgressId); err != nil {
			events <- event{Kind: "failed", Error: err.Error()}
		} else {
			events = member.Events
		}
	}
	if j.begin(events) {
		j.record(events)
	}
	if j.isDead() {
		member.kill()
		return
	}
	member.leave()
	j.finish()
}

// begin waits until all is there, and becomes active; false when it ended before.
func (j *job) begin(events <-chan event) bool {
	for {
		select {
		case e := <-events:
			switch e.Kind {
			case "ready":
				if j.start.is("stay_starting") {
					continue
				}
				if j.start.is("abort") {
					j.abort(livekit.EndReasonSrcClosed)
					return false
				}
				j.become(e.Tracks)
				return true
			case "failed":
				j.set(func(i *livekit.EgressInfo) { i.SetFailed(psrpc.NewErrorf(psrpc.NotFound, "%s", e.Error)) })
			default:
				j.abort(livekit.EndReasonSrcClosed)
			}
			return false
		case reason := <-j.stop:
			j.abort(reason)
			return false
		case f := <-j.strike:
			if f.delay() > 0 { // it counts from when it is active
				defer func() { j.strike <- f }()
			} else if j.struck(f) {
				return false
			}
		}
	}
}

func (j *job) abort(reason string) {
	j.set(func(i *livekit.EgressInfo) {
		i.SetEndReason(reason)
		i.SetAborted(livekit.MsgStartNotReceived)
	})
}

func (j *job) become(tracks []track) {
	now := time.Now().UnixNano()
	j.set(func(i *livekit.EgressInfo) {
		j.outputs.know(j.source, tracks)
		for _, r := range i.FileResults {
			r.StartedAt = now
		}
		for _, r := range i.SegmentResults {
			r.StartedAt = now
		}
		for _, r := range i.ImageResults {
			r.StartedAt = now
		}
		for _, r := range i.StreamResults {
			r.StartedAt = now
		}
		i.UpdateStatus(livekit.EgressStatus_EGRESS_ACTIVE)
	})
	j.tell()
}

// record waits for the reason to end.
func (j *job) record(events <-chan event) {
	reason := ""
	later := make(chan *fault, 1)
	for reason == "" {
		select {
		case e := <-events:
			if e.Kind == "closed" {
				reason = livekit.EndReasonSrcClosed
			}
		case reason = <-j.stop:
		case f := <-j.strike:
			time.AfterFunc(f.delay(), func() { later <- f })
		case f := <-later:
			if j.struck(f) {
				return
			}
		}
	}
	j.set(func(i *livekit.EgressInfo) {
		i.SetEndReason(reason)
		i.UpdateStatus(livekit.EgressStatus_EGRESS_ENDING)
	})
	j.tell()
}

// struck does what the fault says, and tells whether that is the end of the recording.
func (j *job) struck(f *fault) bool {
	switch f.Kind {
	case "die":
		close(j.dead)
		j.worker.forget(j)
		return true
	case "reach_limit":
		j.set(func(i *livekit.EgressInfo) {
			i.SetEndReason(livekit.EndReasonLimitReached)
			i.SetLimitReached()
		})
		return true
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail = true
	return false
}

func (j *job) isDead() bool {
	select {
	case <-j.dead:
		return true
	default:
		return false
	}
}

// finish uploads what there is and tells the last.
func (j *job) finish() {
	now := time.Now().UnixNano()
	j.set(func(i *livekit.EgressInfo) { finishResults(i, now) })
	j.mu.Lock()
	recorded := slices.Contains([]livekit.EgressStatus{livekit.EgressStatus_EGRESS_ENDING, livekit.EgressStatus_EGRESS_LIMIT_REACHED}, j.info.Status)
	j.mu.Unlock()
	var err error
	if recorded {
		err = j.upload()
	}
	j.set(func(i *livekit.EgressInfo) {
		switch {
		case err != nil:
			i.SetFailed(err)
		case i.Status == livekit.EgressStatus_EGRESS_ENDING:
			i.SetComplete()
		}
	})
	j.start.end()
	j.tell()
	j.worker.forget(j)
}

// finishResults tells how long each is; what never began has begun when it ended.
func finishResults(i *livekit.EgressInfo, now int64) {
	for _, r := range i.FileResults {
		r.StartedAt, r.EndedAt = cmp.Or(r.StartedAt, now), now
		r.Duration = now - r.StartedAt
	}
	for _, r := range i.SegmentResults {
		r.StartedAt, r.EndedAt = cmp.Or(r.StartedAt, now), now
		r.Duration = now - r.StartedAt
	}
	for _, r := range i.ImageResults {
		r.EndedAt = now
	}
	for _, r := range i.StreamResults {
		if r.Status == livekit.StreamInfo_ACTIVE {
			finishStream(r, livekit.StreamInfo_FINISHED, now)
		}
	}
}

func (j *job) upload() error {
	j.mu.Lock()
	fail := j.fail
	j.mu.Unlock()
	if fail {
		return psrpc.NewErrorf(psrpc.InvalidArgument, "S3 upload failed: the stand-in was told to fail it")
	}
	var manifest *object
	for _, o := range j.outputs.objects {
		body := fmt.Appendf(nil, "not a recording: egress stand-in, %s\n", j.info.EgressId)
		location, err := upload(o.storage, o.key, o.mime, body)
		if err != nil {
			return err
		}
		j.set(func(*livekit.EgressInfo) { o.done(location, int64(len(body))) })
		if o.directory != nil {
			manifest = o
		}
	}
	if manifest == nil {
		return nil
	}
	text, err := json.Marshal(map[string]any{"egress_id": j.info.EgressId, "room_name": j.info.RoomName})
	if err != nil {
		return err
	}
	key := path.Join(manifest.directory(), j.info.EgressId+".json")
	location, err := upload(manifest.storage, key, "application/json", text)
	j.set(func(i *livekit.EgressInfo) { i.ManifestLocation = location })
	return err
}

func (j *job) set(change func(*livekit.EgressInfo)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(j.info)
}

// seen is what may be shown of it now.
func (j *job) seen() *livekit.EgressInfo {
	j.mu.Lock()
	defer j.mu.Unlock()
	return proto.CloneOf(j.info)
}

// tell sends LiveKit what it is now, again and again until it is taken or the egress is dead.
func (j *job) tell() {
	j.telling.Lock()
	defer j.telling.Unlock()
	info := j.seen()
	fmt.Println(info.EgressId, info.RoomName, info.Status, info.Error)
	for pause := 250 * time.Millisecond; !j.isDead(); pause = min(2*pause, longestPause) {
		_, err := j.worker.io.UpdateEgress(context.Background(), info, psrpc.WithRequestTimeout(10*time.Second))
		if err == nil {
			return
		}
		var answer psrpc.Error
		if errors.As(err, &answer) && !slices.Contains([]psrpc.ErrorCode{psrpc.Unavailable, psrpc.DeadlineExceeded}, answer.Code()) {
			fmt.Fprintln(os.Stderr, info.EgressId, "LiveKit refuses:", err)
			return
		}
		select {
		case <-j.dead:
		case <-time.After(pause):
		}
	}
}
