// The other way to a token: the operator's token endpoint, for a role whose people nobody knows beforehand. It knows this
// server by its ServiceAccount, and Kubernetes' RBAC says of which Rooms it may have tokens (docs/tokens.md).
import { readFile } from "node:fs/promises";

const ACCOUNT = process.env.TOKEN_FILE ?? "/var/run/secrets/roomkeeper/token";

/** LiveKit's standard answer for one browser, as TokenSource.endpoint expects it; the same browser is the same person. */
export async function askFor(endpoint: string, browser: string): Promise<Response> {
  const bearer = await readFile(ACCOUNT, "utf8"); // each time: the kubelet replaces it
  const headers = { Authorization: `Bearer ${bearer.trim()}`, "Content-Type": "application/json" };
  return fetch(endpoint, { method: "POST", headers, body: JSON.stringify({ participant_identity: browser }) });
}
