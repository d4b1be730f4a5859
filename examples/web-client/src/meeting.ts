// Joining, and staying: one Room for the life of the page. livekit-client itself reconnects after a short interruption;
// when it has given up we join again with a fresh token, until something final has been said.
import { type DisconnectReason, Room, RoomEvent, VideoPresets } from "livekit-client";
import { useCallback, useEffect, useRef, useState } from "react";

import { endingOf, refusalOf, type Ending } from "./endings";
import { fetchToken, release } from "./tokens";

export type Phase =
  | { name: "outside" }
  | { name: "joining"; trouble?: string }
  | { name: "inside" }
  | { name: "over"; ending: Ending };

/** What somebody has switched on; it is switched on again when they had to join again. */
export interface Wanted {
  microphone: boolean;
  camera: boolean;
}

export interface Meeting {
  room: Room;
  phase: Phase;
  wanted: Wanted;
  join: () => void;
}

const LONGEST_MILLISECONDS = 10_000;

export function useMeeting(): Meeting {
  const [room] = useState(newRoom);
  const [phase, setPhase] = useState<Phase>({ name: "outside" });
  const joining = useRef(false);
  const wanted = useRef<Wanted>({ microphone: false, camera: false });

  const join = useCallback(async () => {
    if (joining.current) return;
    joining.current = true;
    setPhase({ name: "joining" });
    setPhase(await joined(room, (trouble) => setPhase({ name: "joining", trouble })));
    joining.current = false;
    if (room.state === "connected") await restore(room, wanted.current);
  }, [room]);

  useEffect(() => {
    function disconnected(reason?: DisconnectReason) {
      if (joining.current) return; // an attempt that failed; whoever made it knows
      const ending = endingOf(reason);
      if (!ending) return void join();
      release();
      setPhase({ name: "over", ending });
    }
    room.on(RoomEvent.Disconnected, disconnected);
    return () => void room.off(RoomEvent.Disconnected, disconnected);
  }, [room, join]);

  return { room, phase, wanted: wanted.current, join: () => void join() };
}

function newRoom(): Room {
  return new Room({
    adaptiveStream: true, // receive no more than is shown
    dynacast: true, // send no more than is received
    videoCaptureDefaults: { resolution: VideoPresets.h720.resolution },
  });
}

/** Join, however often that takes; returns once inside, or when there is no use in trying. */
async function joined(room: Room, tell: (trouble: string) => void): Promise<Phase> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const { serverUrl, participantToken } = await fetchToken();
      await room.connect(serverUrl, participantToken);
      return { name: "inside" };
    } catch (error) {
      const refusal = refusalOf(error);
      if (typeof refusal !== "string") {
        release();
        return { name: "over", ending: refusal };
      }
      console.warn("joining again:", error);
      tell(refusal);
      await later(attempt);
    }
  }
}

/** Wait longer each time, and not all of a large audience for the same time. */
function later(attempt: number): Promise<void> {
  const longest = Math.min(500 * 2 ** attempt, LONGEST_MILLISECONDS);
  return new Promise((resolve) => setTimeout(resolve, longest * (0.5 + Math.random() / 2)));
}

async function restore(room: Room, wanted: Wanted): Promise<void> {
  const { localParticipant: us } = room;
  try {
    if (wanted.microphone && us.permissions?.canPublish) await us.setMicrophoneEnabled(true);
    if (wanted.camera && us.permissions?.canPublish) await us.setCameraEnabled(true);
  } catch (error) {
    console.warn("camera or microphone are not on again:", error); // the buttons show it
  }
}
