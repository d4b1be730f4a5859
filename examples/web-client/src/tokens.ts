// Where the token comes from: the only part of the client that knows. Both are TokenSources as livekit-client has them; the
// server says which it is.
import { TokenSource } from "livekit-client";

/** Every identity of the role is in use. */
export class RoomFullError extends Error {}

/** The browser's presence at the server, which lends it an identity for as long as this is open. */
let presence: EventSource | undefined;

/** One of the identities in the role's Secret, for as long as we are here. */
const lent = TokenSource.custom(async () => {
  const answer = await fetch("token", { method: "POST" });
  if (answer.status === 409) throw new RoomFullError();
  if (!answer.ok) throw new Error(`no token: ${await answer.text()}`);
  const given = await answer.json();
  presence?.close();
  presence = new EventSource(`presence?identity=${encodeURIComponent(given.participant_name)}`);
  return given;
});

/** One that was signed just now, for a role whose people nobody knows beforehand. */
const onDemand = TokenSource.endpoint(new URL("token", location.href).href);

/** A token to join with. */
export async function fetchToken() {
  const mode = await (await fetch("mode")).text();
  return (mode === "endpoint" ? onDemand : lent).fetch({}, true);
}

/** Give the identity back. */
export function release(): void {
  presence?.close();
  presence = undefined;
}
