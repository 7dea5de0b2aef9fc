//! Judges one document: `cargo run --example check -- POLICY DOCUMENT`.
#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::print_stdout, reason = "an example, run by hand")]

use sigward_cue::{Mode, Policy, Strictness};

fn main() {
    let mut args = std::env::args().skip(1);
    let read = |path: String| std::fs::read_to_string(path).expect("a file");
    let policy = Policy::compile(&read(args.next().expect("a policy")));
    match (policy, args.next()) {
        (Err(error), _) => println!("compile: {error:?}"),
        (Ok(_), None) => println!("compiles"),
        (Ok(policy), Some(document)) => {
            let document = read(document);
            println!("default: {:?}", policy.check(&document, Mode::Default));
            println!("final: {:?}", policy.check(&document, Mode::Final));
            println!("strict: {:?}", policy.check_with(&document, Mode::Default, Strictness::RequireFields));
        }
    }
}
