import { clock as asClock } from "../format";
import { messages } from "../messages";
import { AuthImage } from "../ui/AuthImage";
import { type MediaClock, useClock } from "./MediaClock";
import { type Slides, slideAt } from "./slides";

const text = messages.session;

interface SlidesTabProps {
  slides: Slides;
  clock: MediaClock;
  picturePath: (name: string) => string;
}

/** List the slides with their text, when each was shown, and what was shown and never said. */
export function SlidesTab({ slides, clock, picturePath }: SlidesTabProps) {
  const now = useClock(clock, (time) => slideAt(slides.slides, time)?.id ?? -1);
  return (
    <div className="stack">
      {(slides.warnings ?? []).map((warning) => (
        <p key={warning} className="notice notice--warn">
          {warning}
        </p>
      ))}
      <ol className="slides">
        {slides.slides.map((slide) => {
          const title = slide.title ?? text.slide(slide.id);
          const body = slide.lines.filter((line) => line.role === "body");
          return (
            <li key={slide.id} className="slide" aria-current={slide.id === now ? "true" : undefined}>
              <button
                type="button"
                className="moment-card__picture slide__picture"
                aria-label={text.goToSlide(title)}
                onClick={() => clock.seek(slide.visits[0]?.[0] ?? 0)}
              >
                <AuthImage path={picturePath(slide.picture)} alt="" />
              </button>
              <div className="slide__text">
                <h3>{title}</h3>
                {body.length > 0 && <p>{body.map((line) => line.text).join(" · ")}</p>}
                {(slide.unspoken ?? []).length > 0 && (
                  <p className="muted">{text.unspoken((slide.unspoken ?? []).join(", "))}</p>
                )}
                <p className="slide__visits">
                  {slide.visits.map(([start, end]) => (
                    <button
                      key={start}
                      type="button"
                      className="paragraph__time num"
                      aria-label={text.goToTime(`${asClock(start)}–${asClock(end)}`)}
                      onClick={() => clock.seek(start)}
                    >
                      {asClock(start)}–{asClock(end)}
                    </button>
                  ))}
                </p>
              </div>
            </li>
          );
        })}
      </ol>
    </div>
  );
}

interface SlideBesideProps extends SlidesTabProps {
  onFullscreen: (element: HTMLElement) => void;
}

/** Show the slide of the moment beside the video; it can fill the screen, too. */
export function SlideBeside({ slides, clock, picturePath, onFullscreen }: SlideBesideProps) {
  const id = useClock(clock, (time) => slideAt(slides.slides, time)?.id ?? -1);
  const slide = slides.slides.find((each) => each.id === id);
  return (
    <figure className="beside">
      {slide ? (
        <AuthImage path={picturePath(slide.picture)} alt={slide.lines.map((line) => line.text).join(". ")} />
      ) : (
        <p className="muted">{text.noSlideYet}</p>
      )}
      <figcaption>
        <span>{slide?.title ?? (slide ? text.slide(slide.id) : "")}</span>
        <button
          type="button"
          className="button button--small button--quiet"
          onClick={(event) => {
            const figure = event.currentTarget.closest("figure");
            if (figure) onFullscreen(figure);
          }}
        >
          {text.fullScreen}
        </button>
      </figcaption>
    </figure>
  );
}
