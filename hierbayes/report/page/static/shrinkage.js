"use strict";
// The formula of a group's BLUP, any number of random effects.  With A = Z'Z and r = Z'(y - X gamma),
// y less the effects of other grouping factors where there are some:
//   BLUP - population = G (A G + sigma^2 I)^-1 r,   Lambda = G A (G A + sigma^2 I)^-1,
// which need no inverse of A: a group whose own least squares do not exist has them, too.
const shrinkage = (() => {
  const times = (P, Q) => P.map((row) => Q[0].map((_, k) => row.reduce((s, v, m) => s + v * Q[m][k], 0)));
  const plus = (P, s2) => P.map((row, k) => row.map((v, m) => v + (k === m ? s2 : 0)));
  const transpose = (P) => P[0].map((_, k) => P.map((row) => row[k]));
  // X with P X = B, by elimination with the largest pivot.
  const solve = (P, B) => {
    const rows = P.map((row, k) => [...row, ...B[k]]), q = P.length;
    for (let k = 0; k < q; k++) {
      let best = k;
      for (let m = k + 1; m < q; m++) if (Math.abs(rows[m][k]) > Math.abs(rows[best][k])) best = m;
      [rows[k], rows[best]] = [rows[best], rows[k]];
      for (let m = 0; m < q; m++) {
        if (m === k) continue;
        const f = rows[m][k] / rows[k][k];
        rows[m] = rows[m].map((v, c) => v - f * rows[k][c]);
      }
    }
    return rows.map((row, k) => row.slice(q).map((v) => v / row[k]));
  };
  const covariance = ({sd, corr}) => sd.map((a, k) => sd.map((b, m) => a * b * corr[k][m]));
  // Other numbers of rows are rows of the same x and the same fit: A and r grow alike.
  const at = (group, theta, n = group.n) => {
    const f = n / group.n, s2 = theta.sigma ** 2, G = covariance(theta);
    const A = group.A.map((row) => row.map((v) => v * f));
    const GA = times(G, A);
    // Lambda M = GA, M = GA + s2 I
    const matrix = transpose(solve(transpose(plus(GA, s2)), transpose(GA)));
    const inner = solve(plus(times(A, G), s2), group.r.map((v) => [v * f]));
    const moved = times(G, inner);
    return {matrix, blup: group.population.map((v, k) => v + moved[k][0])};
  };
  // Whether correlations can be: no pivot of their matrix is below 0.
  const possible = (corr) => {
    const rows = corr.map((row) => [...row]);
    for (let k = 0; k < rows.length; k++) {
      if (rows[k][k] < -1e-9) return false;
      for (let m = k + 1; m < rows.length; m++) {
        if (rows[k][k] < 1e-9) {
          if (Math.abs(rows[m][k]) > 1e-4) return false;
          continue;
        }
        const f = rows[m][k] / rows[k][k];
        for (let c = k; c < rows.length; c++) rows[m][c] -= f * rows[k][c];
      }
    }
    return true;
  };
  const withCorr = (corr, [a, b], value) => corr.map((row, k) => row.map((v, m) =>
    (k === a && m === b) || (k === b && m === a) ? value : v));
  // How far one correlation can go, the others held.
  const range = (corr, pair) => [-1, 1].map((end) => {
    if (possible(withCorr(corr, pair, end))) return end;
    let inside = corr[pair[0]][pair[1]], outside = end;
    for (let k = 0; k < 40; k++) {
      const middle = (inside + outside) / 2;
      if (possible(withCorr(corr, pair, middle))) inside = middle; else outside = middle;
    }
    return inside;
  });
  return {at, covariance, range, withCorr};
})();
