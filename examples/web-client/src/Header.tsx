import { useIsRecording, useParticipants, useRoomInfo } from "@livekit/components-react";
import type { ReactNode } from "react";

/** What the meeting is about, who is there, and whether it is being recorded; with buttons at its end. */
export function Header({ children }: { children?: ReactNode }) {
  const { name, metadata } = useRoomInfo();
  const people = useParticipants();
  return (
    <header>
      <h1>{topicOf(metadata) ?? name}</h1>
      <Recording />
      <span>{people.length === 1 ? "1 person" : `${people.length} people`}</span>
      <span className="spring" />
      {children}
    </header>
  );
}

function Recording() {
  const recording = useIsRecording();
  if (!recording) return null;
  return (
    <span className="recording" role="status">
      Recording
    </span>
  );
}

/** The Room's metadata are whatever somebody declared; those of the examples have a topic or a title. */
function topicOf(metadata?: string): string | undefined {
  try {
    const { topic, title } = JSON.parse(metadata ?? "") ?? {};
    const found: unknown = topic ?? title;
    return typeof found === "string" ? found : undefined;
  } catch {
    return undefined;
  }
}
