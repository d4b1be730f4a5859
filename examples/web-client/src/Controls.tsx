import { DisconnectButton, TrackToggle, useLocalParticipantPermissions } from "@livekit/components-react";
import { type ScreenShareCaptureOptions, Track } from "livekit-client";
import { useCallback, useState } from "react";

import type { Wanted } from "./meeting";

/** Text and edges stay sharp at fewer frames a second; for a film "motion" would be right. */
const SCREEN: ScreenShareCaptureOptions = { contentHint: "detail", audio: true, selfBrowserSurface: "include" };

// TrackSource of LiveKit's protocol, in which permissions are told.
const SOURCES = { camera: 1, microphone: 2, screen: 3 };

/** What we may publish, as the server says at this moment: an edit of the role shows here without a reload. */
function useMayPublish(): (source: number) => boolean {
  const permissions = useLocalParticipantPermissions();
  return (source) => {
    if (!permissions?.canPublish) return false;
    const { canPublishSources: only } = permissions;
    return only.length === 0 || only.includes(source);
  };
}

/** Note what people themselves switch. One function for good: TrackToggle calls every new one, also in between. */
function useNote(wanted: Wanted, what: keyof Wanted): (on: boolean, byUs: boolean) => void {
  return useCallback((on, byUs) => byUs && (wanted[what] = on), [wanted, what]);
}

export function Controls({ wanted }: { wanted: Wanted }) {
  const may = useMayPublish();
  const noteMicrophone = useNote(wanted, "microphone");
  const noteCamera = useNote(wanted, "camera");
  const [trouble, setTrouble] = useState("");
  const failed = (what: string) => (error: Error) => setTrouble(`${what}: ${error.message}`);
  const none = !Object.values(SOURCES).some(may);
  return (
    <footer>
      {none && <span>You may watch and listen.</span>}
      {may(SOURCES.microphone) && (
        <TrackToggle
          source={Track.Source.Microphone}
          onChange={noteMicrophone}
          onDeviceError={failed("Microphone")}
        >
          Microphone
        </TrackToggle>
      )}
      {may(SOURCES.camera) && (
        <TrackToggle
          source={Track.Source.Camera}
          onChange={noteCamera}
          onDeviceError={failed("Camera")}
        >
          Camera
        </TrackToggle>
      )}
      {may(SOURCES.screen) && (
        <TrackToggle source={Track.Source.ScreenShare} captureOptions={SCREEN} onDeviceError={failed("Screen")}>
          Share screen
        </TrackToggle>
      )}
      {trouble && <span role="alert">{trouble}</span>}
      <DisconnectButton>Leave</DisconnectButton>
    </footer>
  );
}
