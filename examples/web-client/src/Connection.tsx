import { useConnectionState } from "@livekit/components-react";
import { ConnectionState } from "livekit-client";

/** We are not in the room yet, or no more; `trouble` is why the last attempt failed. */
export function Joining({ trouble }: { trouble?: string }) {
  return <Line text={trouble ? `${trouble}. Trying again…` : "Joining…"} />;
}

/** livekit-client has lost the connection and restores it, with all tracks. */
export function Reconnecting() {
  const state = useConnectionState();
  const lost = state === ConnectionState.Reconnecting || state === ConnectionState.SignalReconnecting;
  return lost && <Line text="The connection is lost. Reconnecting…" />;
}

/** One line above everything else. */
function Line({ text }: { text: string }) {
  return (
    <p className="connection" role="status">
      {text}
    </p>
  );
}
