"use strict";
// The formula of a group's BLUP, two random effects.  With A = Z'Z and r = Z'(y - X gamma):
//   BLUP - population = G (A G + sigma^2 I)^-1 r,   Lambda = G A (G A + sigma^2 I)^-1,
// which need no inverse of A: a group whose own least squares do not exist has them, too.
const shrinkage = (() => {
  const times = (P, Q) => P.map((row) => [0, 1].map((k) => row[0] * Q[0][k] + row[1] * Q[1][k]));
  const inverse = ([[a, b], [c, d]]) => {
    const det = a * d - b * c;
    return [[d / det, -b / det], [-c / det, a / det]];
  };
  const plus = (P, s2) => [[P[0][0] + s2, P[0][1]], [P[1][0], P[1][1] + s2]];
  const covariance = ({sd, corr}) => {
    const c = corr * sd[0] * sd[1];
    return [[sd[0] ** 2, c], [c, sd[1] ** 2]];
  };
  // Other numbers of rows are rows of the same x and the same fit: A and r grow alike.
  const at = (group, theta, n = group.n) => {
    const f = n / group.n, s2 = theta.sigma ** 2, G = covariance(theta);
    const A = group.A.map((row) => row.map((v) => v * f));
    const GA = times(G, A);
    const matrix = times(GA, inverse(plus(GA, s2)));
    const K = times(G, inverse(plus(times(A, G), s2)));
    const blup = [0, 1].map(
      (k) => group.population[k] + f * (K[k][0] * group.r[0] + K[k][1] * group.r[1]));
    return {matrix, blup};
  };
  return {at, covariance};
})();
