import {
  CarouselLayout,
  FocusLayoutContainer,
  GridLayout,
  isTrackReference,
  TrackRefContext,
  type TrackReferenceOrPlaceholder,
  useTrackRefContext,
} from "@livekit/components-react";
import { Track } from "livekit-client";

import { Tile } from "./Tile";

/** LiveKit's own layouts: a shared screen with everybody beside it, else a grid that has pages. */
export function Stage({ tracks }: { tracks: TrackReferenceOrPlaceholder[] }) {
  const screen = tracks.find((one) => isTrackReference(one) && one.source === Track.Source.ScreenShare);
  if (!screen) {
    return (
      <GridLayout tracks={tracks}>
        <TileHere />
      </GridLayout>
    );
  }
  return (
    <FocusLayoutContainer>
      <CarouselLayout tracks={tracks.filter((one) => one !== screen)}>
        <TileHere />
      </CarouselLayout>
      <TrackRefContext.Provider value={screen}>
        <Tile of={screen} main />
      </TrackRefContext.Provider>
    </FocusLayoutContainer>
  );
}

function TileHere() {
  return <Tile of={useTrackRefContext()} />;
}
