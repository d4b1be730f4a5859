// What a role's Secret holds, read from where it is mounted. It is read anew each time: the operator renews the tokens,
// and the kubelet puts the new ones in place. An environment variable would keep the first one for ever.
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface Role {
  /** Where LiveKit is, as clients reach it. */
  url: string;
  /** The room's name on LiveKit. */
  room: string;
  /** A token for each identity, in the order in which they are given away. */
  tokens: Map<string, string>;
}

export async function readRole(folder: string): Promise<Role> {
  const [url, room, tokens] = await Promise.all(
    ["LIVEKIT_URL", "LIVEKIT_ROOM", "tokens.json"].map((name) => readFile(join(folder, name), "utf8")),
  );
  return { url: url!.trim(), room: room!.trim(), tokens: new Map(Object.entries(JSON.parse(tokens!))) };
}
