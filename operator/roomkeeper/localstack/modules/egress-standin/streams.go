package main

import (
	"cmp"
	"net/url"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/utils"
	"github.com/livekit/psrpc"
)

// addStream notes a stream and its result, whose url does not tell the key. Nothing is sent anywhere.
func (o *outputs) addStream(info *livekit.EgressInfo, address string) error {
	parsed, err := url.Parse(address)
	if err != nil {
		return psrpc.NewErrorf(psrpc.InvalidArgument, "invalid url %s: %s", address, err.Error())
	}
	shown := address
	switch parsed.Scheme {
	case "rtmp", "rtmps":
		var ok bool
		if shown, ok = utils.RedactStreamKey(address); !ok {
			return psrpc.NewErrorf(psrpc.InvalidArgument, "invalid url %s: rtmp urls must be of format rtmp(s)://{host}(/{path})/{app}/{stream_key}( live=1)", address)
		}
	case "srt":
	case "ws", "wss":
		if !o.raw {
			return psrpc.NewErrorf(psrpc.InvalidArgument, "invalid url %s: invalid scheme", address)
		}
	default:
		return psrpc.NewErrorf(psrpc.InvalidArgument, "invalid url %s: invalid scheme", address)
	}
	result := &livekit.StreamInfo{Url: shown, Status: livekit.StreamInfo_ACTIVE}
	if info.Status == livekit.EgressStatus_EGRESS_ACTIVE { // else it begins with all the others
		result.StartedAt = time.Now().UnixNano()
	}
	o.streams[address] = result
	info.StreamResults = append(info.StreamResults, result)
	return nil
}

// removeStream ends one; it tells whether nothing is left to do.
func (o *outputs) removeStream(address string) (bool, error) {
	result, ok := o.streams[address]
	if !ok {
		return false, psrpc.NewErrorf(psrpc.NotFound, "stream %s not found", address)
	}
	finishStream(result, livekit.StreamInfo_FINISHED, time.Now().UnixNano())
	delete(o.streams, address)
	return len(o.streams)+len(o.objects) == 0, nil
}

func finishStream(result *livekit.StreamInfo, status livekit.StreamInfo_Status, at int64) {
	result.Status, result.EndedAt, result.StartedAt = status, at, cmp.Or(result.StartedAt, at)
	result.Duration = at - result.StartedAt
}
