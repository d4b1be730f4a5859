import { RoomAudioRenderer, RoomContext, StartAudio } from "@livekit/components-react";

import { Audience } from "./Audience";
import { Conference } from "./Conference";
import { Joining, Reconnecting } from "./Connection";
import type { Ending } from "./endings";
import { useMeeting } from "./meeting";

/** From the door to the end: what is shown is what phase the meeting is in. */
export function App({ audience }: { audience: boolean }) {
  const meeting = useMeeting();
  const { phase, room, join } = meeting;
  if (phase.name === "outside") return <Door button={audience ? "Watch" : "Join"} open={join} />;
  if (phase.name === "over") return <Over ending={phase.ending} again={join} />;
  const joining = phase.name === "joining" && <Joining trouble={phase.trouble} />;
  const before = !room.localParticipant.identity; // we have not been inside yet
  if (before) return joining;
  return (
    <RoomContext.Provider value={room}>
      {joining || <Reconnecting />}
      {audience ? <Audience /> : <Conference wanted={meeting.wanted} />}
      <RoomAudioRenderer />
      <StartAudio label="Hear the others" />
    </RoomContext.Provider>
  );
}

/** Browsers play sound only after a click, so there is one before the room. */
function Door({ button, open }: { button: string; open: () => void }) {
  return (
    <main className="card">
      <h1>{document.title}</h1>
      <button className="lk-button" onClick={open}>
        {button}
      </button>
    </main>
  );
}

function Over({ ending, again }: { ending: Ending; again: () => void }) {
  return (
    <main className="card" role="alert">
      <h1>{ending.title}</h1>
      <p>{ending.advice}</p>
      <button className="lk-button" onClick={again}>
        {ending.again}
      </button>
    </main>
  );
}
