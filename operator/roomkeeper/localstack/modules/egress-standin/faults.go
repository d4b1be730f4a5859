package main

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// What can go wrong. Those of the start strike the next start in their room, the others also an egress that runs.
var (
	startFaults = []string{
		"refuse",             // invalid_argument
		"busy",               // no room for it: as if there were no worker
		"answer_late",        // it starts; the answer comes after some seconds
		"answer_failed",      // it starts; the answer is an internal error (500)
		"answer_unavailable", // it starts; the answer is that there is no worker (503)
		"answer_lost",        // it starts; there never is an answer
		"stay_starting",      // it starts and never becomes active
		"abort",              // it starts and is aborted
	}
	runFaults = []string{
		"die",         // as a killed worker: it leaves the room without a word, and says nothing more
		"fail_upload", // it fails when it ends
		"reach_limit", // the session limit
	}
)

type fault struct {
	Room    string  // exactly; a web egress has none: its url
	Kind    string  // one of those above
	Times   int     // how many egresses it strikes
	Seconds float64 // with answer_late: until the answer; with die and reach_limit: how long it is active before
}

func (f *fault) delay() time.Duration { return time.Duration(f.Seconds * float64(time.Second)) }

// faults are those that are armed, in the order in which they were.
type faults struct {
	mu    sync.Mutex
	armed []*fault
}

func (f *fault) check() error {
	if !slices.Contains(startFaults, f.Kind) && !slices.Contains(runFaults, f.Kind) {
		return fmt.Errorf("unknown kind %q; there are %v and %v", f.Kind, startFaults, runFaults)
	}
	if f.Room == "" || f.Times < 1 || f.Seconds < 0 {
		return fmt.Errorf("a fault needs a room, times of at least 1, and no negative seconds: %+v", *f)
	}
	return nil
}

func (s *faults) arm(f *fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = append(s.armed, f)
}

// take returns the oldest armed fault of the room that is one of these kinds, if there is one, and uses it once.
func (s *faults) take(room string, kinds []string) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.armed, func(f *fault) bool { return f.Room == room && slices.Contains(kinds, f.Kind) })
	if i < 0 {
		return nil
	}
	taken := s.armed[i]
	if taken.Times--; taken.Times == 0 {
		s.armed = slices.Delete(s.armed, i, i+1)
	}
	return taken
}

func (s *faults) clear(room string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = slices.DeleteFunc(s.armed, func(f *fault) bool { return f.Room == room })
}
