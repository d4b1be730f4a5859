package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/livekit/protocol/egress"
	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
)

const findTime = 30 * time.Second // the real worker's, for a participant or a track

// The membership of one egress in its room is a process of its own, as the real worker's is: only a killed process
// leaves a room as abruptly as a killed worker does.
type member struct {
	Events  chan event
	command *exec.Cmd
	stdin   io.Closer
	over    chan struct{} // closed when the process has ended
}

type event struct {
	Kind   string // ready, closed, failed
	Error  string
	Tracks []track
}

type track struct {
	ID, Kind, Source, Mime, Publisher string
}

func (w *worker) join(o *source, id string) (*member, error) {
	token, err := egress.BuildEgressToken(id, w.config.APIKey, w.config.APISecret, o.room)
	if err != nil {
		return nil, err
	}
	m := &member{Events: make(chan event, 4), over: make(chan struct{}), command: exec.Command(os.Args[0], "join")}
	m.command.Env = append(os.Environ(), "JOIN_URL="+w.config.URL, "JOIN_TOKEN="+token, "JOIN_IDENTITY="+o.identity,
		"JOIN_TRACKS="+strings.Join(o.tracks, ","))
	m.command.Stderr = os.Stderr
	m.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if m.stdin, err = m.command.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := m.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err = m.command.Start(); err != nil {
		return nil, err
	}
	go m.follow(stdout)
	return m, nil
}

func (m *member) follow(stdout io.Reader) {
	lines := json.NewDecoder(stdout)
	for {
		var e event
		if lines.Decode(&e) != nil {
			break
		}
		m.Events <- e
	}
	_ = m.command.Wait()
	close(m.over)
	m.Events <- event{Kind: "closed"}
}

// leave returns when LiveKit has been told.
func (m *member) leave() {
	if m == nil {
		return
	}
	_ = m.stdin.Close()
	<-m.over
}

func (m *member) kill() {
	if m != nil {
		_ = m.command.Process.Kill()
	}
}

// join is the process: it joins, tells on stdout what happens, and leaves when its stdin ends.
func join() {
	identity := os.Getenv("JOIN_IDENTITY")
	ids := strings.FieldsFunc(os.Getenv("JOIN_TRACKS"), func(r rune) bool { return r == ',' })
	closed := make(chan struct{})
	over := sync.OnceFunc(func() { close(closed) })
	remaining := atomic.Int32{}
	remaining.Store(int32(len(ids)))
	callback := &lksdk.RoomCallback{
		OnDisconnected: over,
		OnParticipantDisconnected: func(p *lksdk.RemoteParticipant) {
			if p.Identity() == identity {
				over()
			}
		},
		ParticipantCallback: lksdk.ParticipantCallback{
			OnTrackUnpublished: func(p *lksdk.RemoteTrackPublication, _ *lksdk.RemoteParticipant) {
				if slices.Contains(ids, p.SID()) && remaining.Add(-1) == 0 {
					over()
				}
			},
		},
	}
	tell := func(e event) { _ = json.NewEncoder(os.Stdout).Encode(e) }
	room, err := lksdk.ConnectToRoomWithToken(os.Getenv("JOIN_URL"), os.Getenv("JOIN_TOKEN"), callback,
		lksdk.WithAutoSubscribe(false))
	if err != nil {
		tell(event{Kind: "failed", Error: err.Error()})
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		cancel()
	}()
	defer room.Disconnect()
	deadline := time.After(findTime)
	tracks, missing := look(room, identity, ids)
	for missing != "" {
		select {
		case <-time.After(100 * time.Millisecond):
			tracks, missing = look(room, identity, ids)
		case <-deadline:
			tell(event{Kind: "failed", Error: missing})
			return
		case <-ctx.Done():
			return
		case <-closed:
			return
		}
	}
	tell(event{Kind: "ready", Tracks: tracks})
	select {
	case <-ctx.Done():
	case <-closed:
	}
}

// look returns the tracks if all that the source needs is there, else what is missing.

func look(room *lksdk.Room, identity string, ids []string) ([]track, string) {
	found := make([]track, len(ids))
	for _, p := range room.GetRemoteParticipants() {
		for _, publication := range p.TrackPublications() {
			if i := slices.Index(ids, publication.SID()); i >= 0 {
				found[i] = describe(publication, p.Identity())
			}
		}
	}
	if i := slices.IndexFunc(found, func(t track) bool { return t.ID == "" }); i >= 0 {
		return nil, fmt.Sprintf("track %s not found", ids[i])
	}
	if identity != "" && room.GetParticipantByIdentity(identity) == nil {
		return nil, fmt.Sprintf("participant %s not found", identity)
	}
	return found, ""
}

func describe(publication lksdk.TrackPublication, publisher string) track {
	info := publication.TrackInfo()
	kind := strings.ToLower(info.Type.String())
	source := strings.ToLower(livekit.TrackSource_name[int32(info.Source)])
	return track{ID: info.Sid, Kind: kind, Source: source, Mime: publication.MimeType(), Publisher: publisher}
}
