import {
  MediaControlBar,
  MediaController,
  MediaFullscreenButton,
  MediaMuteButton,
  MediaPipButton,
  MediaPlayButton,
  MediaSeekBackwardButton,
  MediaSeekForwardButton,
  MediaVolumeRange,
} from "media-chrome/react";
import { useEffect, useRef, useState } from "react";
import type { Tracking } from "../api/types";
import { CaptionSettings } from "./CaptionSettings";
import { keepStyle, readStyle, variablesOf } from "./captionStyle";
import type { MediaClock } from "./MediaClock";
import { Overlay } from "./Overlay";
import { PlayerCaptions, PlayerRate, PlayerTime } from "./PlayerControls";
import { followView, zoomFor } from "./track";

interface PlayerProps {
  source: string;
  poster: string | null;
  captions: string | null;
  captionsLabel: string;
  language: string;
  clock: MediaClock;
  tracking: Tracking | null;
  aspect: number;
  durationSec: number;
  showsTrack: boolean;
  follows: boolean;
  onBroken: () => void;
}

const SEEK_SEC = 10;

/** Play the recording with captions, the track drawn over it, and a view that follows the lecturer. */
export function Player(props: PlayerProps) {
  const { clock, tracking, follows } = props;
  const video = useRef<HTMLVideoElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const [style, setStyle] = useState(readStyle);

  useEffect(() => (video.current ? clock.attach(video.current) : undefined), [clock]);
  useFollow(video, layer, clock, tracking, follows);

  return (
    <MediaController className="player" style={{ aspectRatio: String(props.aspect) }} defaultSubtitles={false}>
      <video
        ref={video}
        slot="media"
        style={variablesOf(style)}
        src={props.source}
        poster={props.poster ?? undefined}
        preload="metadata"
        playsInline
        onError={props.onBroken}
      >
        {props.captions && (
          <track
            key={props.captions}
            kind="captions"
            src={props.captions}
            srcLang={props.language}
            label={props.captionsLabel}
          />
        )}
      </video>
      <div ref={layer} className="player__layer">
        {props.showsTrack && tracking && <Overlay clock={clock} tracking={tracking} aspect={props.aspect} />}
      </div>
      <MediaControlBar className="player__bar">
        <MediaPlayButton />
        <MediaSeekBackwardButton seekOffset={SEEK_SEC} />
        <MediaSeekForwardButton seekOffset={SEEK_SEC} />
        <PlayerTime clock={clock} durationSec={props.durationSec} />
        <span className="player__space" />
        <MediaMuteButton />
        <MediaVolumeRange />
        <PlayerRate video={video} />
        {props.captions && (
          <>
            <PlayerCaptions video={video} />
            <CaptionSettings
              style={style}
              onStyle={(chosen) => {
                keepStyle(chosen);
                setStyle(chosen);
              }}
            />
          </>
        )}
        <MediaPipButton />
        <MediaFullscreenButton />
      </MediaControlBar>
    </MediaController>
  );
}

/** Move and enlarge the picture so that it follows the lecturer; nothing is encoded for it. */
function useFollow(
  video: React.RefObject<HTMLVideoElement | null>,
  layer: React.RefObject<HTMLDivElement | null>,
  clock: MediaClock,
  tracking: Tracking | null,
  follows: boolean,
) {
  useEffect(() => {
    const parts = [video.current, layer.current].filter((part) => part !== null);
    const reset = () => {
      for (const part of parts) part.style.transform = "";
    };
    if (!follows || !tracking) {
      reset();
      return;
    }
    const zoom = zoomFor(tracking.trackPoints);
    const move = () => {
      const view = followView(tracking.trackPoints, clock.time, zoom);
      const left = (0.5 - view.x) * 100;
      const top = (0.5 - view.y) * 100;
      for (const part of parts) part.style.transform = `scale(${view.zoom}) translate(${left}%, ${top}%)`;
    };
    move();
    const stop = clock.subscribe(move);
    return () => {
      stop();
      reset();
    };
  }, [video, layer, clock, tracking, follows]);
}
