import { DisconnectButton, useTracks } from "@livekit/components-react";
import { Track } from "livekit-client";

import { useAudioOnly } from "./audioOnly";
import { Grid } from "./Grid";
import { Header } from "./Header";
import { Stage } from "./Stage";
import { Switch } from "./Switch";

/** A page to watch on, whatever its token would allow: no camera, no microphone, and only those who show something. */
export function Audience() {
  const tracks = useTracks([Track.Source.Camera, Track.Source.ScreenShare], { onlySubscribed: false });
  const [audioOnly, setAudioOnly] = useAudioOnly();
  return (
    <div className="meeting">
      <Header>
        <Switch on={audioOnly} set={setAudioOnly} text="Audio only" />
      </Header>
      <main>{audioOnly ? <Grid tracks={tracks} /> : <Stage tracks={tracks} />}</main>
      {tracks.length === 0 && <p className="waiting">Nobody is on stage yet.</p>}
      <footer>
        <DisconnectButton>Leave</DisconnectButton>
      </footer>
    </div>
  );
}
