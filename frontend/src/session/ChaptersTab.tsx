import type { Schemas } from "../api/types";
import { clock as asClock } from "../format";
import { messages } from "../messages";
import { AuthImage } from "../ui/AuthImage";
import { type MediaClock, useClock } from "./MediaClock";

export interface Moment {
  start: number;
  end: number;
  title: string;
  picture: string | null;
}

/** Return the chapters with the picture that was shown in each; without chapters, the scenes stand for them. */
export function momentsOf(
  chapters: readonly Schemas["ChapterPayload"][],
  scenes: readonly Schemas["ScenePayload"][],
): Moment[] {
  const pictureAt = (start: number, end: number) =>
    scenes.find((scene) => scene.thumbnail && scene.end > start && scene.start < end)?.thumbnail ?? null;
  if (chapters.length > 1 || scenes.length <= 1) {
    return chapters.map((each) => ({ ...each, picture: pictureAt(each.start, each.end) }));
  }
  return scenes.map((scene, at) => ({
    start: scene.start,
    end: scene.end,
    title: messages.session.scene(at + 1),
    picture: scene.thumbnail ?? null,
  }));
}

interface ChaptersTabProps {
  moments: readonly Moment[];
  clock: MediaClock;
  picturePath: (name: string) => string;
}

/** List the recording's moments with their pictures; one that is clicked is played. */
export function ChaptersTab({ moments, clock, picturePath }: ChaptersTabProps) {
  const now = useClock(clock, (time) => moments.findLastIndex((moment) => moment.start <= time + 0.05));
  if (moments.length === 0) return <p className="muted">{messages.session.noChapters}</p>;
  return (
    <ol className="moments">
      {moments.map((moment, at) => (
        <li key={moment.start}>
          <button
            type="button"
            className="moment-card"
            aria-current={at === now ? "true" : undefined}
            onClick={() => clock.seek(moment.start)}
          >
            <span className="moment-card__picture">
              {moment.picture && <AuthImage path={picturePath(moment.picture)} alt="" />}
            </span>
            <span className="moment-card__title">{moment.title}</span>
            <span className="moment-card__time num">{asClock(moment.start)}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}
