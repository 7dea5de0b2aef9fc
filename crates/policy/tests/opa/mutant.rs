//! Damaged copies of policies: what a parser takes that another refuses.

use super::generator::Pair;
use super::random::Random;

/// Words that change what a policy means, or whether it is one.
const WORDS: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "|",
    ":=",
    "=",
    "==",
    "not ",
    "some x; ",
    "every x in ",
    "input",
    ".",
    ",",
    "_",
    "1",
    "\"",
    "`",
    "\n",
    " ",
    "-",
    "1e300",
    "else",
    "default ",
    "isCompliant",
    "x",
    "v1",
    "sprintf(\"%v\", [",
    "count(",
    "9999999999999999999",
    "0.1",
    "time.add_date(",
    "numbers.range(",
    "#",
    "\\",
    "é",
    "r0",
    "f0(",
    "with ",
    "null",
    "true",
    "import data.x\n",
    "in ",
    "contains ",
    "if ",
    ";",
    "%",
];

/// A pair with a few changes behind the package and the imports of keywords.
pub(crate) fn mutant(random: &mut Random, of: &[Pair]) -> Pair {
    let pair = &of[random.below(of.len())];
    let mut text: Vec<char> = pair.policy.chars().collect();
    let head = text.len().min(80);
    for _ in 0..=random.below(4) {
        let at = (head + random.below(text.len().saturating_sub(head).max(1))).min(text.len());
        match random.below(4) {
            0 => {
                text.splice(at..at, random.pick(WORDS).chars());
            }
            1 => {
                let end = (at + 1 + random.below(6)).min(text.len());
                text.drain(at..end);
            }
            2 => {
                let other: Vec<char> = of[random.below(of.len())].policy.chars().skip(80).collect();
                let start = random.below(other.len().max(1));
                let end = (start + random.below(60)).min(other.len());
                text.splice(at..at, other.get(start..end).unwrap_or_default().iter().copied());
            }
            _ => {
                let word = random.pick(WORDS);
                let end = (at + word.len()).min(text.len());
                text.splice(at..end, word.chars());
            }
        }
    }
    Pair { policy: text.into_iter().collect(), input: pair.input.clone() }
}
