import { useTracks } from "@livekit/components-react";
import { RemoteTrackPublication, Track } from "livekit-client";
import { useEffect, useState } from "react";

/** Whether video is received at all. Without it nothing of it is sent to us: for a train, or a phone's battery. */
export function useAudioOnly(): [boolean, (audioOnly: boolean) => void] {
  const [audioOnly, setAudioOnly] = useState(false);
  const videos = useTracks([Track.Source.Camera, Track.Source.ScreenShare], { onlySubscribed: false });
  useEffect(() => {
    for (const { publication } of videos) {
      if (publication instanceof RemoteTrackPublication && publication.isDesired === audioOnly) {
        publication.setSubscribed(!audioOnly);
      }
    }
  }, [videos, audioOnly]);
  return [audioOnly, setAudioOnly];
}
