package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
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
	callback := &lksdk.RoomCallback{OnDisconnected: sync.OnceFunc(func() { close(closed) })}
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
	ready := false
	for {
		tracks, missing := look(room, identity, ids)
		switch {
		case !ready && len(missing) == 0:
			ready = true
			tell(event{Kind: "ready", Tracks: tracks})
		case ready && len(missing) > 0 && len(tracks) == 0:
			return // nothing is left of what it records
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-deadline:
			if !ready {
				tell(event{Kind: "failed", Error: missing[0] + " not found"})
				return
			}
		case <-ctx.Done():
			return
		case <-closed:
			return
		}
	}
}

// look returns the tracks that are there, and what else of all that the source needs is missing.
func look(room *lksdk.Room, identity string, ids []string) (found []track, missing []string) {
	if identity != "" && room.GetParticipantByIdentity(identity) == nil {
		missing = append(missing, "participant "+identity)
	}
	for _, id := range ids {
		if t, ok := lookFor(room, id); ok {
			found = append(found, t)
		} else {
			missing = append(missing, "track "+id)
		}
	}
	return found, missing
}

func lookFor(room *lksdk.Room, id string) (track, bool) {
	for _, p := range room.GetRemoteParticipants() {
		for _, publication := range p.TrackPublications() {
			if publication.SID() == id {
				return describe(publication.TrackInfo(), p.Identity()), true
			}
		}
	}
	return track{}, false
}

func describe(info *livekit.TrackInfo, publisher string) track {
	kind := strings.ToLower(info.Type.String())
	source := strings.ToLower(info.Source.String())
	return track{ID: info.Sid, Kind: kind, Source: source, Mime: strings.ToLower(info.MimeType), Publisher: publisher}
}
