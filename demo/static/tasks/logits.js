// From logits to probabilities, log-odds and what they lose by a change, and to what is drawn of them: the
// rules of `explorer/inference/logits.py`, and of `Answers` in `explorer/analyses/perturbation.py`.
// A target is { label, other }: places of a label and of what it is set against, or null.

export const LEAST = 0.1; // of log-odds; what moves them less is next to nothing
const LEAST_POINT = 0.01;
const LEAST_OF_NUMBER = 0.01;
const MOST_BARS = 8;

const logSigmoid = (value) => Math.min(value, 0) - Math.log1p(Math.exp(-Math.abs(value)));
const logSum = (values) => {
  const most = Math.max(...values);
  return values.length ? most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0)) : -Infinity;
};

// Exactly one of many things holds, of which some have a score, their log-odds (`ONE_OF_MANY`).
const isOneOfMany = ({ problem_type }) => problem_type === "one_of_many";
export const isNumber = ({ problem_type }) => problem_type === "regression";
export const largestPlace = (values) => values.reduce((best, value, place) => (value > values[best] ? place : best), 0);

// By label; of a regression its numbers.
export const probabilitiesOf = (logits, { problem_type, temperature }) => {
  if (problem_type === "regression") return [...logits];
  const scaled = logits.map((logit) => logit / temperature);
  if (["multi_label", "one_of_many"].includes(problem_type)) return scaled.map((value) => Math.exp(logSigmoid(value)));
  const whole = logSum(scaled);
  return scaled.map((value) => Math.exp(value - whole));
};

// The only label of a choice of one has nothing against it.
export const logOddsOf = (logits, { problem_type, temperature }) => {
  if (problem_type === "regression") return [...logits];
  const scaled = logits.map((logit) => logit / temperature);
  if (["multi_label", "one_of_many"].includes(problem_type)) return scaled;
  if (scaled.length === 1) return [0];
  return scaled.map((value, label) => value - logSum(scaled.filter((_, other) => other !== label)));
};

// The log-odds of a target, or a regression's number.
export const oddsOf = (logits, { label, other }, bundle) => {
  if (other === null) return logOddsOf(logits, bundle)[label];
  const [one, against] = [label, other].map((at) => logits[at] / bundle.temperature);
  return isOneOfMany(bundle) ? logSigmoid(one) - logSigmoid(against) : one - against;
};
// Of a probability that is given as its logarithm; one that rounds to 0 or 1 is taken for the nearest
// that does not.
export const logOddsOfLog = (log) => {
  const within = Math.min(Math.max(log, -36), -Math.exp(-36));
  return within - Math.log(-Math.expm1(within));
};
export const valueOf = (logits, target, bundle) => (target.other === null ? probabilitiesOf(logits, bundle)[target.label] : Math.exp(logSigmoid(oddsOf(logits, target, bundle))));

// By how much a probability falls, given its log-odds: exact where both would round to 1.
const fallOf = (before, after) => {
  const [high, low] = [Math.max(before, after), Math.min(before, after)];
  return Math.sign(before - after) * Math.abs(Math.exp(logSigmoid(high) + logSigmoid(-low)) * Math.expm1(low - high));
};

// What a target loses from one answer to another: { effect, log_odds_effect }; nulls where there is
// no other answer. A regression has its effect alone.
export const effectOf = (whole, changed, target, bundle) => {
  if (!changed) return { effect: null, log_odds_effect: null };
  const [before, after] = [whole, changed].map((logits) => oddsOf(logits, target, bundle));
  if (isNumber(bundle)) return { effect: before - after, log_odds_effect: null };
  return { effect: fallOf(before, after), log_odds_effect: before - after };
};
export const mainOf = ({ effect, log_odds_effect }) => log_odds_effect ?? effect;

export const leastOf = (whole, target, bundle) => (isNumber(bundle) ? Math.max(LEAST_OF_NUMBER * Math.abs(oddsOf(whole, target, bundle)), 2.2250738585072014e-308) : LEAST);
export const matter = (effects, least) => effects.some((effect) => effect !== null && Math.abs(effect) >= least);
export const movesAnswer = (effects, least, bundle) => matter(effects.map(mainOf), least) && (isNumber(bundle) || matter(effects.map(({ effect }) => effect), LEAST_POINT));

// What the model says after a change, null where it says what it said before.
export const newAnswer = (whole, changed, label, bundle) => {
  if (!changed || isNumber(bundle)) return null;
  const [before, after] = [whole, changed].map((logits) => probabilitiesOf(logits, bundle));
  if (bundle.problem_type === "multi_label") {
    const [was, is] = [before, after].map((shares) => shares[label] > 0.5);
    return was === is ? null : `${is ? "" : "not "}${bundle.labels[label]}`;
  }
  const said = largestPlace(after);
  return said === largestPlace(before) ? null : bundle.labels[said];
};

export const inPercent = (share) => (share < 0.0005 ? "<0.1%" : share >= 0.9995 ? ">99.9%" : `${(100 * share).toFixed(1)}%`);

// The classes with their probabilities, the likeliest first; of a regression its numbers.
export const answerOf = ({ logits }, bundle, most = MOST_BARS) => {
  const values = probabilitiesOf(logits, bundle);
  const order = [...values.keys()].sort((a, b) => values[b] - values[a] || a - b).slice(0, most);
  const more = isOneOfMany(bundle) ? 0 : values.length - order.length;
  if (isNumber(bundle)) return { heading: "The model's number", bars: order.map((at) => ({ label: bundle.labels[at], text: values[at].toFixed(3) })), more };
  const heading = bundle.problem_type === "multi_label" ? "Probability of each class by itself" : "The model's answer";
  return { heading, bars: order.map((at) => ({ label: bundle.labels[at], text: inPercent(values[at]), share: values[at] })), more };
};
