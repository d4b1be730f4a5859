import { useLocalParticipant, useTracks } from "@livekit/components-react";
import { Track } from "livekit-client";
import { useState } from "react";

import { useAudioOnly } from "./audioOnly";
import { Chat } from "./Chat";
import { useMessages } from "./messages";
import { Controls } from "./Controls";
import { Grid } from "./Grid";
import { Header } from "./Header";
import type { Wanted } from "./meeting";
import { Stage } from "./Stage";
import { Switch } from "./Switch";

const SHOWN = [
  { source: Track.Source.Camera, withPlaceholder: true },
  { source: Track.Source.ScreenShare, withPlaceholder: false },
];

export function Conference({ wanted }: { wanted: Wanted }) {
  const { localParticipant: us } = useLocalParticipant();
  const tracks = useTracks(SHOWN, { onlySubscribed: false });
  const [audioOnly, setAudioOnly] = useAudioOnly();
  const [asGrid, setAsGrid] = useState(false);
  const [chatting, setChatting] = useState(true);
  const { messages, send } = useMessages(us.name || us.identity);
  return (
    <div className="meeting">
      <Header>
        <Switch on={asGrid} set={setAsGrid} text="Grid" />
        <Switch on={audioOnly} set={setAudioOnly} text="Audio only" />
        <Switch on={chatting} set={setChatting} text="Chat" />
      </Header>
      <main>{asGrid || audioOnly ? <Grid tracks={tracks} /> : <Stage tracks={tracks} />}</main>
      {chatting && <Chat messages={messages} send={send} />}
      <Controls wanted={wanted} />
    </div>
  );
}
