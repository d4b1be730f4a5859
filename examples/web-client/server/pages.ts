// The built page, all of it in memory: what was not there at the start is not served, whatever path is asked for.
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, relative } from "node:path";

const TYPES: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

export interface File {
  content: Buffer;
  type: string;
}

export function readPages(folder: string): Map<string, File> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const file = { content: readFileSync(path), type: TYPES[extname(path)] ?? "application/octet-stream" };
      return [`/${relative(folder, path)}`, file];
    }),
  );
}

/** What the page may load and where it may connect to: itself and LiveKit (whose address it tries by HTTP too). */
export function contentSecurityPolicy(livekit: string): string {
  const { host, protocol } = new URL(livekit);
  const secure = protocol === "wss:" || protocol === "https:";
  const server = secure ? `wss://${host} https://${host}` : `ws://${host} http://${host}`;
  return [
    "default-src 'self'",
    `connect-src 'self' ${server}`,
    "img-src 'self' data:",
    "media-src 'self' blob: mediastream:",
    "style-src 'self' 'unsafe-inline'",
    "worker-src 'self' blob:",
    "frame-ancestors 'none'",
  ].join("; ");
}
