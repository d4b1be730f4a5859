package main

import (
	"fmt"
	"path"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/livekit/protocol/egress"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/rpc"
)

// outputs is what one egress writes: its results, and the objects that it uploads when it ends.
type outputs struct {
	objects []*object
	streams map[string]*livekit.StreamInfo // by url, as it was given
	raw     bool                           // whether the streams are websockets
	late    []func(variables)              // fills in what is only known from inside the room
}

// object is what is uploaded where one output would be.
type object struct {
	key       string
	storage   *livekit.S3Upload // nil: a local file
	mime      string
	done      func(location string, size int64)
	directory func() string // of the manifest; nil: it is not wanted
}

type variables map[string]string

func (v variables) fill(text string) string {
	for name, value := range v {
		text = strings.ReplaceAll(text, name, value)
	}
	return text
}

// outputsOf reads the outputs as the real worker does: the lists, and the single ones that came before them.
func (w *worker) outputsOf(request *rpc.StartEgressRequest, s *source, info *livekit.EgressInfo) (*outputs, error) {
	o := &outputs{streams: map[string]*livekit.StreamInfo{}}
	now := time.Now()
	v := variables{"{time}": stamp(now), "{utc}": fmt.Sprintf("%s%03d", now.Format("20060102150405"), now.UnixMilli()%1000)}
	if s.room != "" {
		v["{room_name}"], v["{room_id}"] = s.room, info.RoomId
	}
	switch r := request.Request.(type) {
	case *rpc.StartEgressRequest_RoomComposite:
		return o, o.encoded(w, r.RoomComposite, s, info, v)
	case *rpc.StartEgressRequest_Web:
		return o, o.encoded(w, r.Web, s, info, v)
	case *rpc.StartEgressRequest_Participant:
		return o, o.encoded(w, r.Participant, s, info, v)
	case *rpc.StartEgressRequest_TrackComposite:
		return o, o.encoded(w, r.TrackComposite, s, info, v)
	case *rpc.StartEgressRequest_Track:
		if f := r.Track.GetFile(); f != nil {
			o.file(w.storage(f), f.Filepath, f.DisableManifest, livekit.EncodedFileType_DEFAULT_FILETYPE, s, info, v)
			return o, nil
		}
		o.raw = true
		return o, o.addStream(info, r.Track.GetWebsocketUrl())
	}
	return nil, invalid("request")
}

func (o *outputs) encoded(w *worker, request egress.EncodedOutput, s *source, info *livekit.EgressInfo, v variables) error {
	files, streams, segments := request.GetFileOutputs(), request.GetStreamOutputs(), request.GetSegmentOutputs()
	if old, ok := request.(egress.EncodedOutputDeprecated); ok {
		if f := old.GetFile(); f != nil && len(files) == 0 {
			files = append(files, f)
		}
		if f := old.GetStream(); f != nil && len(streams) == 0 {
			streams = append(streams, f)
		}
		if f := old.GetSegments(); f != nil && len(segments) == 0 {
			segments = append(segments, f)
		}
	}
	images := request.GetImageOutputs()
	switch {
	case len(files) > 1:
		return invalid("multiple file outputs")
	case len(streams) > 1:
		return invalid("multiple stream outputs")
	case len(segments) > 1:
		return invalid("multiple segmented file outputs")
	case len(images) > 0 && s.audio:
		return invalid("audio_only images")
	case len(files)+len(streams)+len(segments)+len(images) == 0:
		return invalid("output")
	case len(files)+len(segments)+len(images) == 0 && len(streams[0].Urls) == 0:
		return invalid("stream url")
	}
	for _, f := range files {
		o.file(w.storage(f), f.Filepath, f.DisableManifest, f.FileType, s, info, v)
	}
	for _, f := range streams {
		for _, address := range f.Urls {
			if err := o.addStream(info, address); err != nil {
				return err
			}
		}
	}
	for _, f := range segments {
		if err := o.segments(w.storage(f), f, s, info, v); err != nil {
			return err
		}
	}
	for _, f := range images {
		o.images(w.storage(f), f, s, info, v)
	}
	return nil
}

// storage is where the output goes: the request's own storage, else the worker's. Keys that are missing are the worker's.
func (w *worker) storage(output egress.UploadRequest) *livekit.S3Upload {
	s3 := output.GetS3()
	if s3 == nil {
		return w.config.Storage
	}
	if s3.AccessKey == "" && w.config.Storage != nil {
		s3 = proto.CloneOf(s3)
		s3.AccessKey, s3.Secret = w.config.Storage.AccessKey, w.config.Storage.Secret
	}
	return s3
}

func (s *source) name() string {
	switch {
	case s.identity != "":
		return s.identity
	case s.kind == "track":
		return s.tracks[0]
	case s.room != "":
		return s.room
	}
	return "web"
}

func (o *outputs) file(storage *livekit.S3Upload, filepath string, noManifest bool, t livekit.EncodedFileType, s *source, info *livekit.EgressInfo, v variables) {
	result := &livekit.FileInfo{}
	thing := &object{storage: storage, mime: "video/mp4", done: func(location string, size int64) {
		result.Location, result.Size = location, size
	}}
	name := v.fill(clean(filepath))
	extension := extensions[t]
	if extension == "" {
		extension = map[bool]string{false: ".mp4", true: ".ogg"}[s.audio]
	}
	finish := func(more variables) {
		if e, ok := more["extension"]; ok {
			extension = e
		}
		name = withExtension(more.fill(name), extension, s.name())
		result.Filename, thing.key = name, name
	}
	finish(nil)
	o.late = append(o.late, finish)
	if !noManifest {
		thing.directory = func() string { return path.Dir(name) }
	}
	info.FileResults = []*livekit.FileInfo{result}
	o.objects = append(o.objects, thing)
}

func (o *outputs) segments(storage *livekit.S3Upload, f *livekit.SegmentedFileOutput, s *source, info *livekit.EgressInfo, v variables) error {
	result := &livekit.SegmentsInfo{}
	directory, playlist := path.Split(v.fill(clean(f.PlaylistName)))
	liveDirectory, live := path.Split(v.fill(clean(f.LivePlaylistName)))
	segmentDirectory, prefix := path.Split(v.fill(clean(f.FilenamePrefix)))
	if liveDirectory != "" && liveDirectory != directory {
		return invalid("live_playlist_name must be in same directory as playlist_name")
	}
	if directory == "" || directory == segmentDirectory {
		directory, segmentDirectory = directory+strings.TrimPrefix(segmentDirectory, directory), ""
	}
	if playlist, live = withoutExtension(playlist), withoutExtension(live); playlist == "" {
		if playlist = prefix; playlist == "" {
			playlist = fmt.Sprintf("%s-%s", s.name(), stamp(time.Now()))
		}
	}
	if prefix == "" {
		prefix = playlist
	}
	if playlist == live {
		return invalid("live_playlist_name cannot be identical to playlist_name")
	}
	segment := &object{storage: storage, mime: "video/mp2t", done: func(_ string, size int64) {
		result.SegmentCount, result.Size = 1, size
	}}
	whole := &object{storage: storage, mime: "application/x-mpegurl", done: func(location string, _ int64) {
		result.PlaylistLocation = location
	}}
	last := &object{storage: storage, mime: "application/x-mpegurl", done: func(location string, _ int64) {
		result.LivePlaylistLocation = location
	}}
	if !f.DisableManifest {
		whole.directory = func() string { return path.Dir(whole.key) }
	}
	finish := func(more variables) {
		whole.key = more.fill(path.Join(directory, playlist+".m3u8"))
		segment.key = more.fill(path.Join(directory, segmentDirectory, prefix+"_00000.ts"))
		result.PlaylistName = whole.key
		if live != "" {
			last.key = more.fill(path.Join(directory, live+".m3u8"))
			result.LivePlaylistName = last.key
		}
	}
	finish(nil)
	o.late = append(o.late, finish)
	info.SegmentResults = []*livekit.SegmentsInfo{result}
	o.objects = append(o.objects, segment, whole)
	if live != "" {
		o.objects = append(o.objects, last)
	}
	return nil
}

func (o *outputs) images(storage *livekit.S3Upload, f *livekit.ImageOutput, s *source, info *livekit.EgressInfo, v variables) {
	result := &livekit.ImagesInfo{}
	thing := &object{storage: storage, mime: "image/jpeg", done: func(string, int64) { result.ImageCount = 1 }}
	result.FilenamePrefix = v.fill(clean(f.FilenamePrefix))
	finish := func(more variables) {
		result.FilenamePrefix = more.fill(result.FilenamePrefix)
		directory, prefix := path.Split(result.FilenamePrefix)
		if prefix == "" {
			prefix = fmt.Sprintf("%s-%s", s.name(), stamp(time.Now()))
		}
		thing.key = path.Join(directory, prefix+"_00000.jpeg")
	}
	finish(nil)
	o.late = append(o.late, finish)
	if !f.DisableManifest {
		thing.directory = func() string { return path.Dir(thing.key) }
	}
	info.ImageResults = append(info.ImageResults, result)
	o.objects = append(o.objects, thing)
}

// know fills in what is only known from inside the room.
func (o *outputs) know(s *source, tracks []track) {
	more := variables{}
	if s.identity != "" {
		more["{publisher_identity}"] = s.identity
	}
	if len(tracks) > 0 {
		more["{publisher_identity}"] = tracks[0].Publisher
	}
	if s.kind == "track" {
		t := tracks[0]
		more["{track_id}"], more["{track_type}"], more["{track_source}"] = t.ID, t.Kind, t.Source
		more["extension"] = ".webm"
		if t.Kind == "audio" {
			more["extension"] = ".ogg"
		} else if t.Mime == "video/h264" {
			more["extension"] = ".mp4"
		}
	}
	for _, finish := range o.late {
		finish(more)
	}
}
