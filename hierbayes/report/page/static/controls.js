"use strict";
// What is moved and chosen: sliders that say their value, lists, and a table to read numbers from.
const controls = (() => {
  const made = (tag, attributes = {}, ...inner) => {
    const one = document.createElement(tag);
    for (const [k, v] of Object.entries(attributes)) one.setAttribute(k, v);
    one.append(...inner);
    return one;
  };
  const label = (name, control) => {
    const said = control.said ? [": ", control.said] : [];
    const whole = made("label", {}, made("span", {}, name, ...said), control.input ?? control);
    // A slider is named and given its ends once it stands in its label.
    whole.at = (part, low, high, step = "any") => {
      const attributes = {"data-part": part, min: low, max: high, step, "aria-label": name};
      for (const [k, v] of Object.entries(attributes)) control.input.setAttribute(k, v);
      control.said.dataset.part = `${part}-value`;
      return whole;
    };
    return whole;
  };
  const slider = {
    made: (change) => {
      const said = made("span"), input = made("input", {type: "range"});
      input.addEventListener("input", () => { change(Number(input.value)); slider.say(input); });
      return {said, input};
    },
    say: (input) => {
      const said = input.parentElement.querySelector("span > span");
      said.textContent = plane.text(Number(input.value));
      input.setAttribute("aria-valuetext", said.textContent);
    },
    put: (input, value, low = input.min, high = input.max) => {
      Object.assign(input, {min: low, max: high});
      input.value = value;
      slider.say(input);
    }};
  const pick = (part, names, at, change) => {
    const list = made("select", {"data-part": part}, ...names.map((name, k) => new Option(name, k)));
    list.value = at;
    list.addEventListener("change", () => change(Number(list.value)));
    return list;
  };
  // A row for each effect: BLUE, BLUP, population and its row of Lambda.
  const table = (target, effects) => {
    const kinds = ["blue", "blup", "population"];
    const heads = ["", "BLUE", "BLUP", "population", ...effects.map((one) => `shrinkage[${one}]`)];
    const rows = effects.map((effect, k) => made("tr", {}, made("th", {scope: "row"}, effect),
      ...kinds.map((kind) => made("td", {"data-part": `${kind}-${k}`})),
      ...effects.map((_, m) => made("td", {"data-part": `matrix-${k}${m}`}))));
    target.replaceChildren(made("table", {},
      made("thead", {}, made("tr", {}, ...heads.map((head) => made("th", {scope: "col"}, head)))),
      made("tbody", {}, ...rows)));
  };
  return {label, pick, slider, table};
})();
