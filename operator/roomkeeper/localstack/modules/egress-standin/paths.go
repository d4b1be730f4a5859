package main

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/livekit/protocol/livekit"
)

// How the real worker makes names of what it was given.

func stamp(at time.Time) string { return at.Format("2006-01-02T150405") }

var extensions = map[livekit.EncodedFileType]string{
	livekit.EncodedFileType_MP4: ".mp4",
	livekit.EncodedFileType_OGG: ".ogg",
	livekit.EncodedFileType_MP3: ".mp3",
}

var known = map[string]bool{
	".raw": true, ".ogg": true, ".mp3": true, ".ivf": true, ".mp4": true, ".ts": true, ".webm": true, ".m3u8": true, ".jpeg": true,
}

func withExtension(name, extension, identifier string) string {
	if name == "" || strings.HasSuffix(name, "/") {
		return fmt.Sprintf("%s%s-%s%s", name, identifier, stamp(time.Now()), extension)
	}
	if strings.HasSuffix(name, extension) {
		return name
	}
	return withoutExtension(name) + extension
}

func withoutExtension(name string) string {
	if e := path.Ext(name); known[e] {
		return strings.TrimSuffix(name, e)
	}
	return name
}

func clean(filepath string) string {
	slash := strings.HasSuffix(filepath, "/")
	filepath = path.Clean(filepath)
	for strings.HasPrefix(filepath, "../") {
		filepath = filepath[3:]
	}
	if filepath == "." || filepath == ".." {
		return ""
	}
	if slash {
		return filepath + "/"
	}
	return filepath
}
