//! Whatever the answers are: an object is allowed only if each policy that is for its image has a proof by one of its
//! authorities (or says itself that it only warns).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[macro_use]
mod bench;

use std::sync::Arc;

use bench::{Bench, FIELD, by_key, policy, with};
use serde_json::{Value, json};
use sigward_policy::decide::{AuthorityOutcome, NotGathered, Verdict};
use sigward_testkit::{EvidenceLayer, Key};

/// Numbers that only look random: the same in every run (Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

const KEYS: usize = 4;

#[test]
fn nothing_is_allowed_without_a_proof_for_each_policy() {
    let keys: Vec<_> = (0..KEYS).map(|_| Key::default()).collect();
    let mut bench = Bench::new();
    let layers: Vec<_> = keys.iter().map(|key| EvidenceLayer::unlogged(&bench.world.signed_with(key))).collect();
    bench.world.sign(&layers);
    // A proof and a refusal for each key, made once.
    let mut proofs = Vec::new();
    for key in &keys {
        let proof = bench.outcome_of(by_key(key)).unwrap();
        proofs.push(AuthorityOutcome::Proved(Arc::new(proof)));
    }
    let refusal = AuthorityOutcome::Refused(Arc::new(bench.outcome_of(by_key(&Key::default())).unwrap_err()));
    let mut dice = Dice(7);
    let (mut allowed, mut denied, mut saved) = (0, 0, 0);
    for _ in 0..3_000 {
        let wanted: Vec<Wanted> = (0..1 + dice.roll(3)).map(|_| Wanted::roll(&mut dice)).collect();
        let objects = wanted.iter().enumerate().map(|(n, wanted)| wanted.object(&format!("p{n}"), &keys));
        bench.policies = objects.collect();
        let set = bench.set();
        let plan = bench.plan(&set, &bench.world.by_digest());
        // For each question: the right proof, somebody else's, a refusal, or no answer; and perhaps too few answers.
        let mut proved = Vec::new();
        let mut outcomes = Vec::new();
        for question in plan.questions() {
            let right = proofs.iter().position(|outcome| match outcome {
                AuthorityOutcome::Proved(proof) => proof.key().authority() == question.authority().fingerprint(),
                _ => false,
            });
            outcomes.push(match dice.roll(6) {
                0..=2 => {
                    proved.extend(right);
                    right.map_or_else(|| refusal.clone(), |right| proofs[right].clone())
                }
                3 => {
                    let other = dice.roll(KEYS);
                    proved.extend(right.filter(|right| *right == other));
                    proofs[other].clone()
                }
                4 => refusal.clone(),
                _ => AuthorityOutcome::NotGathered(NotGathered::Deadline),
            });
        }
        let verdict = Verdict::of(&[(FIELD.to_owned(), bench.decide(&plan, &outcomes))]);
        let expected = wanted.iter().all(|wanted| wanted.lets_pass(&proved));
        assert_eq!(verdict.is_allowed(), expected, "{wanted:?} {proved:?}: {verdict:?}");
        if expected {
            allowed += 1
        } else {
            denied += 1
        }
        // Some of the answers at hand, and the rest asked as far as it matters: the verdict is the same.
        let known: Vec<_> = outcomes.iter().map(|outcome| (dice.roll(2) == 0).then(|| outcome.clone())).collect();
        let open = plan.open_questions(&known);
        let asked = outcomes.iter().enumerate().map(|(index, outcome)| match (&known[index], open.contains(&index)) {
            (Some(known), false) => known.clone(),
            (None, true) => outcome.clone(),
            (None, false) => AuthorityOutcome::NotGathered(NotGathered::NotNeeded),
            (Some(_), true) => panic!("asked again"),
        });
        let asked: Vec<_> = asked.collect();
        saved += asked
            .iter()
            .filter(|outcome| matches!(outcome, AuthorityOutcome::NotGathered(NotGathered::NotNeeded)))
            .count();
        assert_eq!(bench.decide(&plan, &asked).passes(), expected, "{wanted:?} {proved:?}");
        let few = Verdict::of(&[(FIELD.to_owned(), bench.decide(&plan, &[]))]);
        assert_eq!(few.is_allowed(), wanted.iter().all(|wanted| wanted.lets_pass(&[])));
    }
    assert!(allowed > 300 && denied > 300 && saved > 100, "{allowed} allowed, {denied} denied, {saved} not asked");
}

/// A policy: its authorities (a key, or a fixed answer), and whether it only warns.
#[derive(Debug)]
struct Wanted {
    keys: Vec<usize>,
    fixed: Option<bool>,
    warns: bool,
    unreadable: bool,
}

impl Wanted {
    fn roll(dice: &mut Dice) -> Self {
        Self {
            keys: (0..dice.roll(3)).map(|_| dice.roll(KEYS)).collect(),
            fixed: [None, None, None, Some(false), Some(true)][dice.roll(5)],
            warns: dice.roll(5) == 0,
            unreadable: dice.roll(12) == 0,
        }
    }

    fn object(&self, name: &str, keys: &[Key]) -> Value {
        let named = |(n, key): (usize, &usize)| with(by_key(&keys[*key]), json!({"name": format!("k{n}")}));
        let mut authorities: Vec<_> = self.keys.iter().enumerate().map(named).collect();
        authorities.extend(
            self.fixed.map(|pass| json!({"name": "s", "static": {"action": if pass { "pass" } else { "fail" }}})),
        );
        let mut object = policy(name, &authorities);
        if self.warns {
            object["spec"]["mode"] = json!("warn");
        }
        if self.unreadable {
            object["spec"]["nonsense"] = json!(1);
        }
        object
    }

    /// The mode of a policy that cannot be read is not believed.
    fn lets_pass(&self, proved: &[usize]) -> bool {
        let holds = self.fixed == Some(true) || self.keys.iter().any(|key| proved.contains(key));
        !self.unreadable && (self.warns || holds)
    }
}
