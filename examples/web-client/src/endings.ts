// Why somebody is no longer in the room, in words that tell them what to do.
import { ConnectionError, DisconnectReason } from "livekit-client";

import { RoomFullError } from "./tokens";

export interface Ending {
  title: string;
  advice: string;
  /** What the button says that joins again. */
  again: string;
}

const FULL: Ending = {
  title: "The room is full",
  advice: "Every place in it is taken. Try again when somebody has left.",
  again: "Try again",
};

const ENDINGS: Partial<Record<DisconnectReason, Ending>> = {
  [DisconnectReason.CLIENT_INITIATED]: {
    title: "You have left",
    advice: "You can come back for as long as the meeting goes on.",
    again: "Join again",
  },
  [DisconnectReason.DUPLICATE_IDENTITY]: {
    title: "You are in this meeting elsewhere",
    advice: "It was opened under the same name in another tab or window, and one name can be there only once.",
    again: "Join here instead",
  },
  [DisconnectReason.PARTICIPANT_REMOVED]: {
    title: "You were removed",
    advice: "Whoever runs this meeting has put you out. If that was a mistake, ask them to let you in again.",
    again: "Try again",
  },
  [DisconnectReason.ROOM_DELETED]: {
    title: "The room was closed",
    advice: "Whoever runs this meeting has ended it for everybody.",
    again: "Join again",
  },
  [DisconnectReason.ROOM_CLOSED]: {
    title: "The room was closed",
    advice: "The meeting is over.",
    again: "Join again",
  },
};

/** Why it is over for good; undefined for what passes (a lost connection, a server that is restarted): then try again. */
export function endingOf(reason?: DisconnectReason): Ending | undefined {
  return reason === undefined ? undefined : ENDINGS[reason];
}

/** The same for an attempt to join that failed; what is no ending comes with what is to be said while it is retried. */
export function refusalOf(error: unknown): Ending | string {
  if (error instanceof RoomFullError) return FULL;
  if (error instanceof ConnectionError) return `LiveKit does not let us in yet (${error.message})`;
  return "The server does not answer yet";
}
