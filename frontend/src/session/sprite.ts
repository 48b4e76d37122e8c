/** A still for a stretch of time: a tile of a sheet of stills. */
export interface Tile {
  t: number;
  sheet: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

const CUE = /^(?:(\d+):)?(\d\d):(\d\d(?:\.\d+)?) -->.*\n(.+)#xywh=(\d+),(\d+),(\d+),(\d+)$/gmu;

/** Return the tiles that `sprite.vtt` names, in order. */
export function tilesOf(vtt: string): Tile[] {
  return [...vtt.matchAll(CUE)].map(([, hours = "0", minutes, seconds, sheet = "", x, y, width, height]) => ({
    t: Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds),
    sheet,
    x: Number(x),
    y: Number(y),
    width: Number(width),
    height: Number(height),
  }));
}
