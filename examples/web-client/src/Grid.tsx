import type { TrackReferenceOrPlaceholder } from "@livekit/components-react";

import { Tile } from "./Tile";

/** A grid of our own: everybody at once in one size, as square as their number allows. */
export function Grid({ tracks }: { tracks: TrackReferenceOrPlaceholder[] }) {
  const columns = Math.max(1, Math.ceil(Math.sqrt(tracks.length)));
  return (
    <div className="grid" style={{ gridTemplateColumns: `repeat(${columns}, 1fr)` }}>
      {tracks.map((track) => (
        <Tile key={`${track.participant.identity} ${track.source}`} of={track} />
      ))}
    </div>
  );
}
