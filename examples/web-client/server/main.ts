// Serves the page, and lends each browser an identity of the role whose Secret is mounted. It holds no API key and can
// make no token: it gives away those that the operator wrote, one to each browser.
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

import { askFor } from "./endpoint.js";
import { Leases } from "./leases.js";
import { contentSecurityPolicy, readPages } from "./pages.js";
import { readRole } from "./role.js";

const folder = process.env.SECRET_DIR ?? "/var/run/roomkeeper/role";
const endpoint = process.env.TOKEN_ENDPOINT; // the operator's, with namespace, room and role; else the Secret is lent
const livekit = process.env.LIVEKIT_URL; // where pages may connect to, where no Secret says it
const grace = Number(process.env.LEASE_GRACE_SECONDS ?? "10");
const pages = readPages(fileURLToPath(new URL("../client", import.meta.url)));
const leases = new Leases(grace * 1000);

const COOKIE = "browser";
const PING_MILLISECONDS = 15_000; // shorter than the idle time-out of any common proxy

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

const ROUTES: Record<string, Handler> = {
  "GET /": page,
  "GET /audience": page,
  "GET /healthz": (_, response) => send(response, 200, "ok"),
  "GET /readyz": ready,
  "GET /mode": (_, response) => send(response, 200, endpoint ? "endpoint" : "lent"),
  "POST /token": endpoint ? fromEndpoint : token,
  "GET /presence": presence,
};

/** The page itself; the token is asked for when somebody joins. */
async function page(_: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = endpoint && livekit ? livekit : (await readRole(folder)).url;
  response.setHeader("Content-Security-Policy", contentSecurityPolicy(url));
  serve("/index.html", response);
}

/** Ready when the Secret is there and can be read. */
async function ready(_: IncomingMessage, response: ServerResponse): Promise<void> {
  if (endpoint) return send(response, 200, "tokens on demand");
  const { tokens } = await readRole(folder);
  send(response, 200, `${tokens.size} identities`);
}

/** LiveKit's standard answer for a client that wants a token (see TokenSource of livekit-client); 409: all are in use. */
async function token(request: IncomingMessage, response: ServerResponse): Promise<void> {
  request.resume(); // who asks decides nothing here, so what the request says is not read
  if (isForeign(request)) return send(response, 403, "only this page may ask");
  const { url, room, tokens } = await readRole(folder);
  const browser = cookieOf(request) ?? randomUUID();
  const identity = leases.take(browser, tokens.keys());
  if (identity === undefined) return send(response, 409, "room is full");
  know(browser, request, response);
  const answer = {
    server_url: url,
    participant_token: tokens.get(identity),
    participant_name: identity,
    room_name: room,
  };
  send(response, 200, JSON.stringify(answer), "application/json");
}

/** The operator's answer: a token for whoever asks, for as long as it takes to join. */
async function fromEndpoint(request: IncomingMessage, response: ServerResponse): Promise<void> {
  request.resume();
  if (isForeign(request)) return send(response, 403, "only this page may ask");
  const browser = cookieOf(request) ?? randomUUID();
  const answer = await askFor(endpoint!, browser);
  know(browser, request, response);
  const type = answer.ok ? "application/json" : "text/plain; charset=utf-8";
  send(response, answer.status, answer.ok ? await answer.text() : "no token", type);
}

/** Have the browser say who it is when it comes again. */
function know(browser: string, request: IncomingMessage, response: ServerResponse): void {
  const secure = request.headers["x-forwarded-proto"] === "https" ? "; Secure" : "";
  response.setHeader("Set-Cookie", `${COOKIE}=${browser}; HttpOnly; SameSite=Strict; Path=/${secure}`);
}

/** A stream of nothing, open for as long as the browser is there. 204 tells the browser not to come again. */
async function presence(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const browser = cookieOf(request);
  const identity = new URL(request.url ?? "", "http://localhost").searchParams.get("identity") ?? "";
  const { tokens } = await readRole(folder);
  const release = browser && leases.hold(browser, identity, tokens.keys());
  if (!release) return send(response, 204, "");
  if (response.destroyed) return release(); // it went away while the Secret was read
  const pings = setInterval(() => response.write(": still here\n\n"), PING_MILLISECONDS);
  response.on("close", () => {
    clearInterval(pings);
    release();
  });
  response.writeHead(200, { "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" });
  response.write("retry: 1000\n\n");
}

/** Whether another site's page asks: a browser says so, and whoever is no browser has no cookie of anybody. */
function isForeign(request: IncomingMessage): boolean {
  const site = request.headers["sec-fetch-site"];
  return site !== undefined && site !== "same-origin";
}

function cookieOf(request: IncomingMessage): string | undefined {
  const found = request.headers.cookie?.split(/;\s*/).find((one) => one.startsWith(`${COOKIE}=`));
  return found?.slice(COOKIE.length + 1);
}

function serve(path: string, response: ServerResponse): void {
  const file = pages.get(path);
  if (!file) return send(response, 404, "there is nothing here");
  // The names of all but the page have a hash of what is in them.
  if (path.startsWith("/assets/")) response.setHeader("Cache-Control", "public, max-age=31536000, immutable");
  send(response, 200, file.content, file.type);
}

function send(response: ServerResponse, status: number, body: string | Buffer, type = "text/plain; charset=utf-8"): void {
  if (!response.hasHeader("Cache-Control")) response.setHeader("Cache-Control", "no-store");
  response.writeHead(status, { "Content-Type": type }).end(body);
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "", "http://localhost");
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.setHeader("Referrer-Policy", "no-referrer");
  const handler = ROUTES[`${request.method} ${pathname}`];
  try {
    if (handler) await handler(request, response);
    else if (request.method === "GET") serve(pathname, response);
    else send(response, 405, "not that way");
  } catch (error) {
    // The Secret is not there yet, or is being replaced. Its content is in no message.
    console.error(`cannot read ${folder}: ${error instanceof SyntaxError ? "tokens.json is no JSON" : error}`);
    if (!response.headersSent) send(response, 503, "the role's Secret cannot be read");
  }
}

const server = createServer((request, response) => void handle(request, response));
server.listen(Number(process.env.PORT ?? "8080"), process.env.HOST ?? "0.0.0.0", () => {
  console.log(`listening on port ${(server.address() as AddressInfo).port}, tokens from ${folder}`);
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections(); // those who are present hold one each
  });
}
