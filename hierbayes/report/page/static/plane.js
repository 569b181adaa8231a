"use strict";
// Axes of a picture, and what is drawn within them.
const plane = (() => {
  const W = 480, H = 400, LEFT = 58, RIGHT = 12, TOP = 12, BOTTOM = 44;
  const text = (v) => Number(v.toPrecision(4)).toString();
  const svg = (tag, attributes, words) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [k, v] of Object.entries(attributes)) made.setAttribute(k, v);
    if (words !== undefined) made.textContent = words;
    return made;
  };
  const range = (values) => {
    let low = Infinity, high = -Infinity;
    for (const v of values) { low = Math.min(low, v); high = Math.max(high, v); }
    const room = 0.06 * (high - low || 1);
    return [low - room, high + room];
  };
  // Round numbers, four to eight of them.
  const ticks = ([low, high]) => {
    const ten = 10 ** Math.floor(Math.log10((high - low) / 4));
    const step = ten * [5, 2, 1].find((m) => (high - low) / (m * ten) >= 4);
    const first = Math.ceil(low / step);
    return Array.from({length: Math.floor(high / step) - first + 1}, (_, k) => (first + k) * step);
  };
  // An empty picture with axes; X and Y place values in it.
  const frame = (target, [xs, ys], names) => {
    const X = (v) => LEFT + ((v - xs[0]) / (xs[1] - xs[0])) * (W - LEFT - RIGHT);
    const Y = (v) => H - BOTTOM - ((v - ys[0]) / (ys[1] - ys[0])) * (H - TOP - BOTTOM);
    const id = target.dataset.part;
    const clip = svg("clipPath", {id: `clip-${id}`});
    clip.append(svg("rect", {x: LEFT, y: TOP, width: W - LEFT - RIGHT, height: H - TOP - BOTTOM}));
    target.replaceChildren(clip);
    for (const x of ticks(xs))
      target.append(svg("line", {class: "axis", x1: X(x), x2: X(x), y1: TOP, y2: H - BOTTOM}),
        svg("text", {x: X(x), y: H - BOTTOM + 18, "text-anchor": "middle"}, text(x)));
    for (const y of ticks(ys))
      target.append(svg("line", {class: "axis", x1: LEFT, x2: W - RIGHT, y1: Y(y), y2: Y(y)}),
        svg("text", {x: LEFT - 5, y: Y(y) + 5, "text-anchor": "end"}, text(y)));
    target.append(svg("text", {x: (LEFT + W) / 2, y: H - 6, "text-anchor": "middle"}, names[0]),
      svg("text", {x: 14, y: H / 2, "text-anchor": "middle",
        transform: `rotate(-90 14 ${H / 2})`}, names[1]));
    const inside = svg("g", {"clip-path": `url(#clip-${id})`});
    target.append(inside);
    return {X, Y, inside, xs};
  };
  const line = (kind, {X, Y}, [x1, y1], [x2, y2]) =>
    svg("line", {class: kind, x1: X(x1), y1: Y(y1), x2: X(x2), y2: Y(y2)});
  return {frame, line, range, svg, text};
})();
