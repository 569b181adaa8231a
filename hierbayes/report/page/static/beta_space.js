"use strict";
// Groups in the plane of two coefficients, and the lines of the chosen one in data space.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent).beta_space;
  const root = document.getElementById("beta-space");
  if (!data || !root) return;
  const W = 480, H = 400, LEFT = 58, RIGHT = 12, TOP = 12, BOTTOM = 44;
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  const svg = (tag, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [k, v] of Object.entries(attributes)) made.setAttribute(k, v);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const range = (values) => {
    const low = Math.min(...values), high = Math.max(...values);
    const room = 0.06 * (high - low || 1);
    return [low - room, high + room];
  };
  const quantile = (sorted, p) => sorted[Math.round(p * (sorted.length - 1))];
  const start = {sd: [...data.sd], corr: data.corr, sigma: data.sigma};
  const state = {theta: structuredClone(start), chosen: 0, n: null};
  const text = (v) => Number(v.toPrecision(4)).toString();

  // Round numbers, four to eight of them.
  const ticks = ([low, high]) => {
    const ten = 10 ** Math.floor(Math.log10((high - low) / 4));
    const step = ten * [5, 2, 1].find((m) => (high - low) / (m * ten) >= 4);
    const first = Math.ceil(low / step);
    return Array.from({length: Math.floor(high / step) - first + 1}, (_, k) => (first + k) * step);
  };

  // The plane holds most BLUEs; those of a few rows may lie far outside of it.
  const seen = data.groups.filter((g) => g.blue);
  const limits = [0, 1].map((k) => {
    const own = seen.map((g) => g.blue[k]).sort((a, b) => a - b);
    const of = data.groups.flatMap((g) => [g.population[k] - 2 * data.sd[k],
                                           g.population[k] + 2 * data.sd[k]]);
    return range(own.length ? [...of, quantile(own, 0.03), quantile(own, 0.97)] : of);
  });
  const scale = ([xs, ys]) => [
    (v) => LEFT + ((v - xs[0]) / (xs[1] - xs[0])) * (W - LEFT - RIGHT),
    (v) => H - BOTTOM - ((v - ys[0]) / (ys[1] - ys[0])) * (H - TOP - BOTTOM)];
  const frame = (target, [xs, ys], names) => {
    const [X, Y] = scale([xs, ys]);
    const id = target.dataset.part;
    const clip = svg("clipPath", {id: `clip-${id}`});
    clip.append(svg("rect", {x: LEFT, y: TOP, width: W - LEFT - RIGHT, height: H - TOP - BOTTOM}));
    target.append(clip);
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
    return {X, Y, inside};
  };
  const line = (class_, X, Y, [x1, y1], [x2, y2]) =>
    svg("line", {class: class_, x1: X(x1), y1: Y(y1), x2: X(x2), y2: Y(y2)});

  const plane = frame(part("plane"), limits, data.effects);
  const ellipses = svg("g", {});
  plane.inside.append(ellipses);
  const marks = data.groups.map((group, j) => {
    const mark = svg("g", {class: "group", role: "button", tabindex: "-1",
      "aria-label": `${data.group} ${group.label}, ${group.n} rows`});
    const way = svg("line", {class: "way"});
    const blup = svg("circle", {class: "blup", r: 4.5});
    mark.append(way);
    if (group.blue) {
      mark.append(svg("circle", {class: "blue", r: 5, cx: plane.X(group.blue[0]),
        cy: plane.Y(group.blue[1])}));
    }
    mark.append(blup);
    for (const event of ["pointerenter", "focus", "click"])
      mark.addEventListener(event, () => choose(j));
    mark.addEventListener("keydown", (event) => {
      const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
      if (!step) return;
      event.preventDefault();
      const next = (j + step + marks.length) % marks.length;
      marks[next].mark.focus();
    });
    plane.inside.append(mark);
    return {mark, way, blup};
  });
  const centres = [...new Map(data.groups.map((g) => [String(g.population), g.population])).values()];
  if (centres.length <= 8)
    for (const [x, y] of centres)
      plane.inside.append(svg("circle", {class: "population", r: 7, cx: plane.X(x), cy: plane.Y(y)}));

  const drawEllipses = () => {
    const {sd, corr} = state.theta, other = Math.sqrt(Math.max(0, 1 - corr * corr));
    ellipses.replaceChildren(...centres.slice(0, 8).map(([x, y]) => {
      const points = Array.from({length: 73}, (_, k) => {
        const a = (k * Math.PI) / 36, c = Math.cos(a), s = Math.sin(a);
        return `${plane.X(x + sd[0] * c)},${plane.Y(y + sd[1] * (corr * c + other * s))}`;
      });
      return svg("polygon", {class: "ellipse", points: points.join(" ")});
    }));
  };

  let dataSpace = null;
  if (data.x) {
    const points = data.groups.flatMap((g) => g.points);
    const xs = range(points.map((p) => p[0])), ys = range(points.map((p) => p[1]));
    dataSpace = {...frame(part("data"), [xs, ys], [data.x, data.response]), xs};
    dataSpace.shown = svg("g", {});
    dataSpace.inside.append(dataSpace.shown);
  }
  const drawLines = (group, blup) => {
    if (!dataSpace) return;
    const {X, Y, xs, shown} = dataSpace;
    const ends = (beta) => xs.map((x) => [x, beta[0] + beta[1] * x]);
    shown.replaceChildren(
      ...group.points.map(([x, y]) => svg("circle", {class: "point", r: 3.5, cx: X(x), cy: Y(y)})),
      line("population", X, Y, ...ends(group.population)),
      ...(group.blue ? [line("blue", X, Y, ...ends(group.blue))] : []),
      line("blup", X, Y, ...ends(blup)));
  };

  const show = (name, value) => {
    const cell = part(name);
    cell.textContent = value === null ? "none" : text(value);
    cell.dataset.value = value === null ? "" : String(value);
  };
  const draw = () => {
    drawEllipses();
    data.groups.forEach((group, j) => {
      const n = j === state.chosen && state.n !== null ? state.n : group.n;
      const {matrix, blup} = shrinkage.at(group, state.theta, n);
      const {mark, way, blup: dot} = marks[j];
      const [x, y] = [plane.X(blup[0]), plane.Y(blup[1])];
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", y);
      if (group.blue)
        for (const [k, v] of Object.entries({x1: plane.X(group.blue[0]),
          y1: plane.Y(group.blue[1]), x2: x, y2: y})) way.setAttribute(k, v);
      mark.classList.toggle("chosen", j === state.chosen);
      mark.setAttribute("tabindex", j === state.chosen ? "0" : "-1");
      if (j !== state.chosen) return;
      part("label").textContent = `${data.group} ${group.label}`;
      show("n", n);
      for (const k of [0, 1]) {
        show(`blue-${k}`, group.blue && group.blue[k]);
        show(`blup-${k}`, blup[k]);
        show(`population-${k}`, group.population[k]);
        for (const m of [0, 1]) show(`matrix-${k}${m}`, matrix[k][m]);
      }
      drawLines(group, blup);
    });
  };
  const inputs = ["sd-0", "sd-1", "corr", "sigma", "rows"].map((name) => part(name));
  const say = () => {
    for (const input of inputs)
      part(`${input.dataset.part}-value`).textContent = text(Number(input.value));
  };
  const put = () => {
    const {sd, corr, sigma} = state.theta;
    const group = data.groups[state.chosen];
    inputs[4].max = Math.max(2 * group.n, 20);
    [sd[0], sd[1], corr, sigma, state.n ?? group.n].forEach((v, k) => { inputs[k].value = v; });
    part("choice").value = state.chosen;
    say();
    draw();
  };
  const choose = (j) => {
    if (j === state.chosen && state.n === null) return;
    state.chosen = j;
    state.n = null;
    put();
  };
  inputs.forEach((input, k) => input.addEventListener("input", () => {
    const value = Number(input.value);
    if (k < 2) state.theta.sd[k] = value;
    if (k === 2) state.theta.corr = value;
    if (k === 3) state.theta.sigma = value;
    if (k === 4) state.n = value;
    say();
    draw();
  }));
  part("choice").replaceChildren(...data.groups.map((g, j) => new Option(g.label, j)));
  part("choice").addEventListener("change", (event) => choose(Number(event.target.value)));
  part("reset").addEventListener("click", () => {
    state.theta = structuredClone(start);
    state.n = null;
    put();
  });
  put();
})();
