"use strict";
// Groups in the plane of two coefficients (of one: against their numbers of rows), with sliders.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent).beta_space;
  const root = document.getElementById("beta-space");
  if (!data || !root) return;
  const {frame, line, range, svg, text} = plane;
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  const quantile = (sorted, p) => sorted[Math.round(p * (sorted.length - 1))];
  const start = (factor) => ({sd: [...factor.sd], corr: factor.corr.map((row) => [...row]),
    sigma: data.sigma});
  const state = {factor: data.factors[0], axes: [0, 1], theta: null, chosen: 0, n: null};
  let marks = [], shape = null, lines = null;

  // ------------------------------------------------------------------ what is drawn
  const isPlane = () => state.axes.length === 2;
  const place = (values, n) => (isPlane() ? state.axes.map((k) => values[k])
    : [n, values[state.axes[0]]]);
  // The plane holds most BLUEs; those of a few rows may lie far outside of it.
  const span = (k) => {
    const {groups, sd} = state.factor;
    const own = groups.filter((g) => g.blue).map((g) => g.blue[k]).sort((a, b) => a - b);
    const of = groups.flatMap((g) => [g.population[k] - 2 * sd[k], g.population[k] + 2 * sd[k]]);
    return range(own.length ? [...of, quantile(own, 0.03), quantile(own, 0.97)] : of);
  };
  const centres = () => {
    const all = state.factor.groups.map((g) => state.axes.map((k) => g.population[k]));
    return [...new Map(all.map((one) => [String(one), one])).values()];
  };
  const openPlane = () => {
    const {factor, axes} = state, names = axes.map((k) => factor.effects[k]);
    const sizes = factor.groups.map((g) => g.n);
    const made = frame(part("plane"), isPlane() ? axes.map(span)
      : [range([...sizes, 0]), span(axes[0])], isPlane() ? names : ["rows", names[0]]);
    shape = {...made, law: svg("g", {}), centres: centres()};
    made.inside.append(shape.law);
    marks = factor.groups.map(openMark);
    if (isPlane() && shape.centres.length <= 8)
      for (const [x, y] of shape.centres)
        made.inside.append(svg("circle", {class: "population", r: 7, cx: made.X(x), cy: made.Y(y)}));
  };
  const openMark = (group, j) => {
    const {X, Y, inside} = shape;
    const mark = svg("g", {class: "group", role: "button", tabindex: "-1",
      "aria-label": `${state.factor.name} ${group.label}, ${group.n} rows`});
    const way = svg("line", {class: "way"}), blup = svg("circle", {class: "blup", r: 4.5});
    mark.append(way);
    if (group.blue) {
      const [x, y] = place(group.blue, group.n);
      mark.append(svg("circle", {class: "blue", r: 5, cx: X(x), cy: Y(y)}));
    }
    mark.append(blup);
    for (const event of ["pointerenter", "focus", "click"])
      mark.addEventListener(event, () => choose(j));
    mark.addEventListener("keydown", (event) => {
      const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
      if (!step) return;
      event.preventDefault();
      marks[(j + step + marks.length) % marks.length].mark.focus();
    });
    inside.append(mark);
    return {mark, way, blup};
  };
  // One standard deviation of G about each population, of many that of the chosen group: an
  // ellipse, or two lines.
  const drawLaw = () => {
    const {sd, corr} = state.theta, {X, Y, xs} = shape, [a, b] = state.axes;
    const own = state.factor.groups[state.chosen].population;
    const few = shape.centres.length <= 8 ? shape.centres : [state.axes.map((k) => own[k])];
    if (!isPlane()) {
      const level = (kind, y) => line(kind, shape, [xs[0], y], [xs[1], y]);
      shape.law.replaceChildren(...few.flatMap(([y]) => [level("population", y),
        level("ellipse", y - sd[a]), level("ellipse", y + sd[a])]));
      return;
    }
    const rho = corr[a][b], other = Math.sqrt(Math.max(0, 1 - rho * rho));
    shape.law.replaceChildren(...few.map(([x, y]) => {
      const points = Array.from({length: 73}, (_, k) => {
        const c = Math.cos((k * Math.PI) / 36), s = Math.sin((k * Math.PI) / 36);
        return `${X(x + sd[a] * c)},${Y(y + sd[b] * (rho * c + other * s))}`;
      });
      return svg("polygon", {class: "ellipse", points: points.join(" ")});
    }));
  };
  const draw = () => {
    drawLaw();
    state.factor.groups.forEach((group, j) => {
      const n = j === state.chosen && state.n !== null ? state.n : group.n;
      const found = shrinkage.at(group, state.theta, n);
      const {mark, way, blup} = marks[j];
      const [x, y] = place(found.blup, n);
      blup.setAttribute("cx", shape.X(x));
      blup.setAttribute("cy", shape.Y(y));
      if (group.blue) {
        const [bx, by] = place(group.blue, group.n);
        for (const [k, v] of Object.entries({x1: shape.X(bx), y1: shape.Y(by), x2: shape.X(x),
          y2: shape.Y(y)})) way.setAttribute(k, v);
      }
      mark.classList.toggle("chosen", j === state.chosen);
      mark.setAttribute("tabindex", j === state.chosen ? "0" : "-1");
      if (j === state.chosen) say(group, n, found);
    });
  };
  const show = (name, value) => {
    const cell = part(name);
    cell.textContent = value === null ? "none" : text(value);
    cell.dataset.value = value === null ? "" : String(value);
  };
  const say = (group, n, {matrix, blup}) => {
    part("label").textContent = `${state.factor.name} ${group.label}`;
    show("n", n);
    state.factor.effects.forEach((_, k) => {
      show(`blue-${k}`, group.blue && group.blue[k]);
      show(`blup-${k}`, blup[k]);
      show(`population-${k}`, group.population[k]);
      matrix[k].forEach((v, m) => show(`matrix-${k}${m}`, v));
    });
    if (lines) lines.draw(group, blup);
  };

  // ------------------------------------------------------------------ what is chosen
  const {label, slider, pick, table} = controls;
  const choose = (j) => {
    if (j === state.chosen && state.n === null) return;
    state.chosen = j;
    state.n = null;
    put();
  };
  // Sliders stand where the state is; the correlation as far as the others let it.
  const put = () => {
    const {theta, axes, factor} = state, group = factor.groups[state.chosen];
    factor.effects.forEach((_, k) => slider.put(part(`sd-${k}`), theta.sd[k]));
    if (isPlane()) {
      const [low, high] = shrinkage.range(theta.corr, axes);
      slider.put(part("corr"), theta.corr[axes[0]][axes[1]], low, high);
    }
    slider.put(part("sigma"), theta.sigma);
    slider.put(part("rows"), state.n ?? group.n, 1, Math.max(2 * group.n, 20));
    part("choice").value = state.chosen;
    draw();
  };
  const moved = (name, change) => label(name, slider.made((value) => { change(value); draw(); }));
  const openControls = () => {
    const {factor, axes, theta} = state, all = [...factor.effects.keys()];
    const most = (v) => 3 * (v || data.sigma);
    const own = all.map((k) => moved(`sd of ${factor.effects[k]}`,
      (v) => { theta.sd[k] = v; }).at(`sd-${k}`, 0, most(factor.sd[k])));
    const pair = isPlane() ? [moved(axes.length === factor.effects.length ? "their correlation"
      : `correlation of ${axes.map((k) => factor.effects[k]).join(" and ")}`,
      (v) => { theta.corr = shrinkage.withCorr(theta.corr, axes, v); }).at("corr", -1, 1)] : [];
    const rest = [
      moved("σ", (v) => { theta.sigma = v; }).at("sigma", 0.05 * data.sigma, 3 * data.sigma),
      moved(`rows of the chosen ${factor.name}`, (v) => { state.n = v; }).at("rows", 1, 100, "1")];
    const several = data.factors.length < 2 ? [] : [label("grouping factor",
      pick("factor", data.factors.map((one) => one.name), data.factors.indexOf(factor),
        (k) => open(data.factors[k])))];
    const effects = factor.effects.length < 3 ? [] : ["across", "upwards"].map((name, place_) =>
      label(name, pick(`axis-${place_}`, factor.effects, axes[place_], (k) => turn(place_, k))));
    part("controls").replaceChildren(...several, ...effects, label(factor.name, pick("choice",
      factor.groups.map((g) => g.label), state.chosen, choose)), ...own, ...pair, ...rest);
    table(part("readout"), factor.effects);
  };
  const turn = (place_, k) => {
    const axes = [...state.axes];
    if (axes[1 - place_] === k) axes[1 - place_] = axes[place_];
    axes[place_] = k;
    open(state.factor, axes);
  };
  const open = (factor, axes = factor.effects.length > 1 ? [0, 1] : [0]) => {
    const same = factor === state.factor && state.theta;
    const held = document.activeElement?.dataset.part;  // controls are made anew
    Object.assign(state, {factor, axes, n: null, theta: same ? state.theta : start(factor),
      chosen: same ? state.chosen : 0});
    part("plane").setAttribute("aria-label",
      `Coefficients of every ${factor.name}, BLUE and BLUP`);
    openControls();
    openPlane();
    lines = dataSpace.open(part("data"), factor, axes, data.response);
    part("legend").hidden = lines === null;
    put();
    if (held) part(held)?.focus();
  };
  part("reset").addEventListener("click", () => {
    Object.assign(state.theta, start(state.factor));
    state.n = null;
    put();
  });
  open(state.factor);
})();
