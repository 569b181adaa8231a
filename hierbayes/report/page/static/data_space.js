"use strict";
// The lines of the chosen group through its rows, where two of its coefficients are a line.
const dataSpace = (() => {
  const {frame, line, range, svg} = plane;
  // Places of the constant and of x among the coefficients shown; null where they are no line.
  const lineOf = (factor, axes) => {
    const other = axes.find((k) => k !== factor.constant);
    return axes.length === 2 && axes.includes(factor.constant) ? [factor.constant, other] : null;
  };
  const column = (factor, k) => (k < factor.constant ? k : k - 1);  // of a row, which has no 1
  const open = (target, factor, axes, response) => {
    const places = lineOf(factor, axes);
    const rows = factor.groups.flatMap((group) => group.rows);  // none where they stream
    const none = places === null || !rows.length;
    target.style.display = none ? "none" : "";
    if (none) return null;
    const at = column(factor, places[1]), last = factor.effects.length - 1;
    const made = frame(target, [range(rows.map((row) => row[at])),
      range(rows.map((row) => row[last]))], [factor.effects[places[1]], response]);
    const shown = svg("g", {});
    made.inside.append(shown);
    // y of a row less what the coefficients that are not shown contribute
    const height = (row, blup) => blup.reduce((y, b, k) =>
      places.includes(k) ? y : y - b * row[column(factor, k)], row[last]);
    const ends = (beta) => made.xs.map((x) => [x, beta[places[0]] + beta[places[1]] * x]);
    const draw = (group, blup) => shown.replaceChildren(
      ...group.rows.map((row) => svg("circle", {class: "point", r: 3.5, cx: made.X(row[at]),
        cy: made.Y(height(row, blup))})),
      line("population", made, ...ends(group.population)),
      ...(group.blue ? [line("blue", made, ...ends(group.blue))] : []),
      line("blup", made, ...ends(blup)));
    return {draw};
  };
  return {open};
})();
