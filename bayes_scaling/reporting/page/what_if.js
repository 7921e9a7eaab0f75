"use strict";
(() => {
  const known = JSON.parse(document.getElementById("what_if_draws").textContent);
  const law = (N, D, u, c, g) => { const C = known.six * N * D, M = D / N; return /*FORMULA*/; };
  const draws = known.offset.length;
  const unknowns = Array.from({ length: draws }, (_, i) => known.unknowns.map((each) => each[i]));
  const COARSE = 121, GOLDEN = (Math.sqrt(5) - 1) / 2, GOLDEN_STEPS = 40, WIDTH = 5e-3, NEWTON = 4;
  const [LEAST_RATIO, MOST_RATIO] = known.ratios;

  const mean = (values) => values.reduce((sum, each) => sum + each, 0) / values.length;
  const lawAt = (N, D) => unknowns.map((u) => law(N, D, u, known.constants, known.given));

  /* Sizes on the line 6ND + 2NT = flops, between limits. */
  function line(flops, served) {
    return (x) => (flops - known.serve * served * Math.exp(x)) / (known.six * Math.exp(x));
  }
  function sizeAt(flops, served, ratio) {
    const a = known.six * ratio, b = known.serve * served;
    return Math.log((-b + Math.sqrt(b * b + 4 * a * flops)) / (2 * a));
  }
  function plan(flops, served, mostTokens) {
    const tokens = line(flops, served);
    const high = sizeAt(flops, served, LEAST_RATIO);
    let low = sizeAt(flops, served, MOST_RATIO);
    if (mostTokens < known.no_limit)
      low = Math.max(low, Math.log(flops / (known.six * mostTokens + known.serve * served)));
    if (!(low < high)) return null;
    const loss = (x) => mean(lawAt(Math.exp(x), tokens(x)));
    const at = (i) => low + (high - low) * i / (COARSE - 1);
    let best = 0, least = Infinity;
    for (let i = 0; i < COARSE; i++) {
      const value = loss(at(i));
      if (value < least) { least = value; best = i; }
    }
    let left = at(Math.max(best - 1, 0)), right = at(Math.min(best + 1, COARSE - 1));
    for (let i = 0; i < GOLDEN_STEPS; i++) {
      const a = right - GOLDEN * (right - left), b = left + GOLDEN * (right - left);
      if (loss(a) < loss(b)) right = b; else left = a;
    }
    let x = (left + right) / 2;
    if (x - low < 1e-5 * (high - low)) x = low;
    else if (high - x < 1e-5 * (high - low)) x = high;
    else for (let i = 0; i < NEWTON; i++) {
      const [a, b, m, d, e] = [-2, -1, 0, 1, 2].map((k) => loss(x + k * WIDTH));
      const slope = (a - 8 * b + 8 * d - e) / (12 * WIDTH);
      const bend = (-a + 16 * b - 30 * m + 16 * d - e) / (12 * WIDTH * WIDTH);
      const step = bend > 0 ? -slope / bend : 0;
      if (Math.abs(step) > 1e-2) break;
      x = Math.min(high, Math.max(low, x + step));
    }
    return { N: Math.exp(x), D: tokens(x) };
  }

  /* Curve and new runs at one point, for each draw. */
  function losses(N, D) {
    const beyond = Math.log(known.six * N * D / known.largest);
    const bends = Math.max(beyond, 0) ** 2 / 2, below = Math.max(-beyond, 0);
    const curve = lawAt(N, D).map((value, i) => {
      const scatter = known.scatter[i] / (known.log ? 1 : value);
      return value * Math.exp(known.curvature[i] * scatter ** known.follows * bends);
    });
    const fresh = curve.map((value, i) => {
      const off = known.offset[i] * Math.exp(known.growth[i] * below);
      return known.log ? value * Math.exp(off) : value + off;
    });
    return [curve, fresh];
  }
  function quantile(sorted, level) {
    const place = level * (sorted.length - 1), k = Math.floor(place);
    return sorted[k] + (place - k) * (sorted[Math.min(k + 1, sorted.length - 1)] - sorted[k]);
  }
  function answer(asked) {
    const perHour = known.flop_per_gpu_hour * asked.mfu;
    const flops = asked.usd / asked.usd_per_gpu_hour * perHour;
    const found = plan(flops, asked.serve_tokens, asked.max_tokens);
    if (found === null) return null;
    const [curve, fresh] = losses(found.N, found.D);
    const further = plan(flops * known.more, asked.serve_tokens, asked.max_tokens);
    const gained = mean(curve) - mean(losses(further.N, further.D)[0]);
    const sorted = [...fresh].sort((a, b) => a - b);
    const trained = known.six * found.N * found.D, hours = trained / perHour;
    return {
      params: found.N, tokens: found.D, flops: trained,
      usd: hours * asked.usd_per_gpu_hour, gpu_hours: hours,
      extrapolation: trained / known.largest, loss_mean: mean(curve),
      q05: quantile(sorted, 0.05), q50: quantile(sorted, 0.5), q95: quantile(sorted, 0.95),
      probability: fresh.filter((value) => value <= asked.target).length / draws,
      usd_per_step: gained > 0 ? known.step * (known.more - 1) * asked.usd / gained : Infinity,
    };
  }

  const PREFIX = [[1e15, "Q"], [1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]];
  function size(value) {
    if (!Number.isFinite(value)) return "no end of";
    const found = PREFIX.find(([scale]) => Math.abs(value) >= scale);
    return found ? (value / found[0]).toPrecision(3) + found[1] : value.toPrecision(3);
  }
  const say = {
    params: size, tokens: size, usd: (v) => "$" + size(v), gpu_hours: size,
    flops: (v) => v.toExponential(2), extrapolation: (v) => size(v) + "×",
    usd_per_step: (v) => "$" + size(v), probability: (v) => Math.round(100 * v) + "%",
  };
  const said = (name, value) => (say[name] || ((v) => v.toFixed(3)))(value);

  const form = document.getElementById("what_if_form");
  const sliders = [...form.querySelectorAll("input[type=range]")];
  const start = Object.fromEntries(sliders.map((each) => [each.name, each.value]));
  const nothing = { serve_tokens: "min", max_tokens: "max" };
  function read(slider) {
    const end = nothing[slider.name];
    if (end && Number(slider.value) === Number(slider[end]))
      return slider.name === "serve_tokens" ? 0 : known.no_limit;
    if (slider.value === start[slider.name]) return Number(slider.dataset.exact);
    return slider.dataset.log === "yes" ? 10 ** Number(slider.value) : Number(slider.value);
  }
  function words(slider, value) {
    if (slider.name === "serve_tokens" && value === 0) return "none";
    if (slider.name === "max_tokens" && value >= known.no_limit) return "no limit";
    if (slider.name === "mfu") return Math.round(100 * value) + "%";
    if (slider.name === "target") return value.toFixed(3);
    return (slider.name.startsWith("usd") ? "$" : "") + size(value);
  }
  function update() {
    const asked = Object.fromEntries(sliders.map((each) => [each.name, read(each)]));
    for (const slider of sliders) {
      const text = words(slider, asked[slider.name]);
      slider.setAttribute("aria-valuetext", text);
      form.querySelector(`output[for="what_if_${slider.name}"]`).textContent = text;
    }
    const found = answer(asked);
    for (const cell of document.querySelectorAll("#what_if [data-answer]")) {
      const value = found && found[cell.dataset.answer];
      cell.textContent = found ? said(cell.dataset.answer, value) : "no plan";
      cell.dataset.value = found ? String(value) : "";
    }
  }
  form.hidden = false;
  form.addEventListener("input", update);
  form.addEventListener("reset", () => setTimeout(update));
  update();
  performance.mark("ready");
  document.documentElement.dataset.ready = "yes";
})();
