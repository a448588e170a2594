// What an effect on a class or a number is told in: log-odds, and points of probability beside them.
// A sure answer hardly moves in points, so signs, ink and order go by log-odds. A regression's
// number has none: its effects stand in its own units.
const mainOf = ({ effect, log_odds_effect }) => log_odds_effect ?? effect;
const short = (given) => signed(mainOf(given), 2);
const inPoints = ({ effect, log_odds_effect }) => (log_odds_effect === null ? "" : `${points(effect)} points`);
const amount = (given) => (given.log_odds_effect === null ? short(given) : `${short(given)} log-odds (${inPoints(given)})`);
// Next to nothing never gets full ink: `least` is the size from which an effect counts.
const fullInk = (all, least) => Math.max(largest(all.filter(({ effect }) => effect !== null).map(mainOf)), least);
// The lists of both kinds as one of effects; the log-odds are null for a regression.
const paired = (effects, logOdds) => effects.map((effect, index) => ({ effect, log_odds_effect: logOdds ? logOdds[index] : null }));

// The answer that effects are on: a class with its log-odds and probability, or a number.
const wholeOf = ({ label, whole, log_odds }) => (log_odds === null ? `the number ${label} (${whole.toFixed(2)})` : `the log-odds of ${label} (${signed(log_odds, 2)}; ${percent(whole)})`);
// What less than counts is, in words.
const lessThanCounts = ({ label, log_odds, least }) => (log_odds === null ? `the number ${label} moves by less than a hundredth of itself` : `the log-odds of ${label} move by less than ${least}`);
