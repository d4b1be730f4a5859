// Where the token comes from: the only part of the client that knows. `tokens` is a TokenSource as livekit-client has
// them, so another one (TokenSource.endpoint(…), say) can take its place without a change elsewhere.
import { TokenSource } from "livekit-client";

/** Every identity of the role is in use. */
export class RoomFullError extends Error {}

/** The browser's presence at the server, which lends it an identity for as long as this is open. */
let presence: EventSource | undefined;

export const tokens = TokenSource.custom(async () => {
  const answer = await fetch("token", { method: "POST" });
  if (answer.status === 409) throw new RoomFullError();
  if (!answer.ok) throw new Error(`no token: ${await answer.text()}`);
  const lent = await answer.json();
  presence?.close();
  presence = new EventSource(`presence?identity=${encodeURIComponent(lent.participant_name)}`);
  return lent;
});

/** Give the identity back. */
export function release(): void {
  presence?.close();
  presence = undefined;
}
