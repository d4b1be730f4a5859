package main

import (
	"net/url"

	"google.golang.org/protobuf/proto"

	"github.com/livekit/protocol/egress"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/rpc"
	"github.com/livekit/psrpc"
)

// source is what a request asks to be recorded, and the request as it may be shown: without secrets.
type source struct {
	kind     string
	room     string
	url      string // of a web egress
	identity string
	tracks   []string
	audio    bool // whether there is nothing but audio
}

// scope is what faults are armed for.
func (s *source) scope() string {
	if s.room == "" {
		return s.url
	}
	return s.room
}

func invalid(field string) error {
	return psrpc.NewErrorf(psrpc.InvalidArgument, "request has missing or invalid field: %s", field)
}

// sourceOf reads a request of the first API. The second is refused, as by workers that are older than it.
func sourceOf(request *rpc.StartEgressRequest) (*source, error) {
	switch r := request.Request.(type) {
	case *rpc.StartEgressRequest_RoomComposite:
		q := r.RoomComposite
		s := &source{kind: "room_composite", room: q.RoomName, audio: q.AudioOnly}
		if q.CustomBaseUrl != "" && !isHTTP(q.CustomBaseUrl) {
			return s, invalid("template base url")
		}
		return s, oneMedium(q.AudioOnly, q.VideoOnly)
	case *rpc.StartEgressRequest_Web:
		s := &source{kind: "web", url: r.Web.Url, audio: r.Web.AudioOnly}
		if !isHTTP(r.Web.Url) {
			return s, invalid("web url")
		}
		return s, oneMedium(r.Web.AudioOnly, r.Web.VideoOnly)
	case *rpc.StartEgressRequest_Participant:
		s := &source{kind: "participant", room: r.Participant.RoomName, identity: r.Participant.Identity}
		if s.identity == "" {
			return s, invalid("identity")
		}
		return s, nil
	case *rpc.StartEgressRequest_TrackComposite:
		q := r.TrackComposite
		s := &source{kind: "track_composite", room: q.RoomName, audio: q.VideoTrackId == ""}
		for _, id := range []string{q.VideoTrackId, q.AudioTrackId} {
			if id != "" {
				s.tracks = append(s.tracks, id)
			}
		}
		if len(s.tracks) == 0 {
			return s, invalid("audio_track_id or video_track_id")
		}
		return s, nil
	case *rpc.StartEgressRequest_Track:
		s := &source{kind: "track", room: r.Track.RoomName, tracks: []string{r.Track.TrackId}}
		if r.Track.TrackId == "" {
			return s, invalid("track_id")
		}
		return s, nil
	case *rpc.StartEgressRequest_Egress:
		return &source{kind: "egress", room: r.Egress.RoomName}, invalid("request")
	default:
		return &source{kind: "unknown"}, invalid("request")
	}
}

func oneMedium(audioOnly, videoOnly bool) error {
	if audioOnly && videoOnly {
		return invalid("audio_only and video_only")
	}
	return nil
}

func isHTTP(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && (parsed.Scheme == "http" || parsed.Scheme == "https")
}

// show puts the request into the info, without its secrets.
func show(request *rpc.StartEgressRequest, info *livekit.EgressInfo) {
	switch r := proto.CloneOf(request).Request.(type) {
	case *rpc.StartEgressRequest_RoomComposite:
		egress.RedactEncodedOutputs(r.RoomComposite)
		info.RoomName, info.Request = r.RoomComposite.RoomName, &livekit.EgressInfo_RoomComposite{RoomComposite: r.RoomComposite}
	case *rpc.StartEgressRequest_Web:
		egress.RedactEncodedOutputs(r.Web)
		info.Request = &livekit.EgressInfo_Web{Web: r.Web}
	case *rpc.StartEgressRequest_Participant:
		egress.RedactEncodedOutputs(r.Participant)
		info.RoomName, info.Request = r.Participant.RoomName, &livekit.EgressInfo_Participant{Participant: r.Participant}
	case *rpc.StartEgressRequest_TrackComposite:
		egress.RedactEncodedOutputs(r.TrackComposite)
		info.RoomName, info.Request = r.TrackComposite.RoomName, &livekit.EgressInfo_TrackComposite{TrackComposite: r.TrackComposite}
	case *rpc.StartEgressRequest_Track:
		egress.RedactDirectOutputs(r.Track)
		info.RoomName, info.Request = r.Track.RoomName, &livekit.EgressInfo_Track{Track: r.Track}
	case *rpc.StartEgressRequest_Egress:
		egress.RedactStartEgressRequest(r.Egress)
		info.RoomName, info.Request = r.Egress.RoomName, &livekit.EgressInfo_Egress{Egress: r.Egress}
	}
}
