/** How the captions look: the reader's choice, for every recording. */
export interface CaptionStyle {
  size: keyof typeof SIZES;
  color: keyof typeof COLORS;
  background: keyof typeof BACKGROUNDS;
}

/** Shares of the browser's own size. */
export const SIZES = { small: 0.8, normal: 1.02, large: 1.5, largest: 2 };
export const COLORS = { white: "#ffffff", yellow: "#ffe94d", cyan: "#7defff", green: "#8dff8d", black: "#000000" };
export const BACKGROUNDS = {
  dark: "rgb(0 0 0 / 78%)",
  black: "#000000",
  white: "#ffffff",
  blue: "#00225c",
  none: "transparent",
};

export const DEFAULT_STYLE: CaptionStyle = { size: "normal", color: "white", background: "dark" };

const KEY = "rostrum.captions";

/** Return the style that the reader chose; what is unknown or unreadable is as it comes. */
export function readStyle(): CaptionStyle {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<CaptionStyle>;
    return {
      size: kept.size !== undefined && kept.size in SIZES ? kept.size : DEFAULT_STYLE.size,
      color: kept.color !== undefined && kept.color in COLORS ? kept.color : DEFAULT_STYLE.color,
      background:
        kept.background !== undefined && kept.background in BACKGROUNDS ? kept.background : DEFAULT_STYLE.background,
    };
  } catch {
    return DEFAULT_STYLE;
  }
}

export function keepStyle(style: CaptionStyle): void {
  localStorage.setItem(KEY, JSON.stringify(style));
}

/** Return the style as the variables that `::cue` reads. */
export function variablesOf({ size, color, background }: CaptionStyle): Record<string, string> {
  return {
    "--cue-size": `${SIZES[size]}em`,
    "--cue-color": COLORS[color],
    "--cue-background": BACKGROUNDS[background],
    "--cue-shadow": background === "none" ? "0 0 3px #000, 0 0 3px #000, 0 0 6px #000" : "none",
  };
}
