import {
  ConnectionQualityIndicator,
  isTrackReference,
  ParticipantName,
  ParticipantContext,
  TrackMutedIndicator,
  type TrackReferenceOrPlaceholder,
  useIsMuted,
  useIsSpeaking,
  VideoTrack,
} from "@livekit/components-react";
import { Track } from "livekit-client";

/** One camera or screen, or whose camera it would be. */
export function Tile({ of, main = false }: { of: TrackReferenceOrPlaceholder; main?: boolean }) {
  const { participant, source } = of;
  const speaking = useIsSpeaking(participant);
  const muted = useIsMuted(of);
  const screen = source === Track.Source.ScreenShare;
  const shown = isTrackReference(of) && of.publication.isSubscribed && !muted;
  const kind = ["tile", screen && "screen", speaking && "speaking", main && "main"].filter(Boolean).join(" ");
  return (
    <ParticipantContext.Provider value={participant}>
      <div className={kind} data-identity={participant.identity} data-source={source}>
        {shown ? <VideoTrack trackRef={of} /> : <Initials name={participant.name || participant.identity} />}
        <div className="label">
          <TrackMutedIndicator trackRef={{ participant, source: Track.Source.Microphone }} show="muted" />
          <ParticipantName />
          {screen && " (screen)"}
          <ConnectionQualityIndicator />
        </div>
      </div>
    </ParticipantContext.Provider>
  );
}

function Initials({ name }: { name: string }) {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  return <div className="initials">{words.slice(0, 2).map((word) => word[0]!.toUpperCase())}</div>;
}
