//! One command line, three programs: what each says of it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use sigward_testkit::{Artifact, OciRegistry};

use super::Parts;
use super::registry::Registry;
use crate::support::{Place, SIGWARD};

/// Who verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judge {
    Sigward,
    Cosign2,
    Cosign3,
}

use Judge::{Cosign2, Cosign3, Sigward};

/// Who signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    Two,
    Three,
}

pub const SIGNERS: [Signer; 2] = [Signer::Two, Signer::Three];

/// How evidence lies in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Layers of a `.sig` or `.att` tag.
    Legacy,
    /// A sigstore bundle that refers to the image.
    Bundle,
}

/// Where a program does something else, on purpose.
#[derive(Debug, Clone)]
pub struct Otherwise {
    pub who: Judge,
    pub code: i32,
    pub why: &'static str,
}

/// A command line and how it must end, for all three.
#[derive(Debug, Clone)]
pub struct Row {
    what: String,
    line: String,
    environment: Vec<(&'static str, String)>,
    code: i32,
    otherwise: Vec<Otherwise>,
    other_words: Option<&'static str>,
    /// What only 2.5 must be told.
    for_2: String,
}

impl Row {
    pub fn new(what: impl Into<String>, line: impl Into<String>, code: i32) -> Self {
        Self {
            what: what.into(),
            line: line.into(),
            environment: vec![],
            code,
            otherwise: vec![],
            other_words: None,
            for_2: String::new(),
        }
    }

    pub fn but(mut self, who: Judge, code: i32, why: &'static str) -> Self {
        self.otherwise.push(Otherwise { who, code, why });
        self
    }

    /// Both succeed and print something else, for this reason.
    pub fn in_other_words(mut self, why: &'static str) -> Self {
        self.other_words = Some(why);
        self
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Flags that cosign 2.5 needs to see what the others find by themselves.
    pub fn for_2(mut self, flags: &str) -> Self {
        self.for_2 = flags.to_owned();
        self
    }

    fn expected(&self, who: Judge) -> i32 {
        self.otherwise.iter().find(|otherwise| otherwise.who == who).map_or(self.code, |otherwise| otherwise.code)
    }
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Where images lie.
pub enum Home {
    /// Debian's registry, which has no referrers API.
    Debian(Registry),
    /// The test kit's, which has.
    Kit(OciRegistry),
}

/// A registry, a place to work in, keys.
pub struct Stand {
    pub parts: Parts,
    pub home: Home,
    pub place: Place,
}

impl Stand {
    /// With Debian's registry and the keys `one.key` and `two.key`, or none where parts are missing.
    pub fn debian() -> Option<Self> {
        let parts = Parts::find()?;
        let registry = Registry::start(&parts);
        Some(Self::set_up(parts, Home::Debian(registry)))
    }

    /// With the test kit's registry.
    pub fn kit() -> Option<Self> {
        Some(Self::set_up(Parts::find()?, Home::Kit(OciRegistry::start())))
    }

    fn set_up(parts: Parts, home: Home) -> Self {
        let mut place = Place::new();
        // Who wants the internet finds a closed door.
        for name in ["HTTPS_PROXY", "HTTP_PROXY"] {
            place.set(name, "http://127.0.0.1:9");
        }
        place.set("NO_PROXY", "127.0.0.1");
        place.set("COSIGN_PASSWORD", "a password");
        place.set("COSIGN_YES", "true");
        let stand = Self { parts, home, place };
        for name in ["one", "two"] {
            stand.must(Signer::Three, &format!("generate-key-pair --output-key-prefix {name}"), &[]);
        }
        stand.place.put("predicate.json", r#"{"made": "for a test"}"#);
        stand
    }

    /// `127.0.0.1:PORT/NAME`.
    pub fn name(&self, repository: &str) -> String {
        match &self.home {
            Home::Debian(registry) => registry.name(repository),
            Home::Kit(registry) => registry.name(repository),
        }
    }

    /// Stores an image as `NAME:v1`; gives the reference by digest.
    pub fn push(&self, repository: &str, image: &Artifact) -> String {
        match &self.home {
            Home::Debian(registry) => registry.push(repository, "v1", image),
            Home::Kit(registry) => registry.push(repository, "v1", image),
        }
    }

    /// Signs with a key, in a form.
    pub fn sign(&self, by: Signer, form: Form, words: &str, image: &str) {
        self.must(by, &format!("sign {} {words} {image}", flags(by, form)), &[]);
    }

    /// Attests `predicate.json`.
    pub fn attest(&self, by: Signer, form: Form, words: &str, image: &str) {
        let line = format!("attest {} --predicate predicate.json {words} {image}", flags(by, form));
        self.must(by, &line, &[]);
    }

    /// A command of cosign that must succeed.
    pub fn must(&self, by: Signer, line: &str, environment: &[(&str, &str)]) {
        let program = match by {
            Signer::Two => &self.parts.cosign_2,
            Signer::Three => &self.parts.cosign_3,
        };
        let ended = self.run(program, line, environment.iter().copied());
        assert_eq!(ended.code, 0, "{by:?} {line}: {ended:?}");
    }

    /// Runs all rows, and fails where one is not as it says.
    pub fn judge(&self, rows: &[Row]) {
        let wrong = self.complaints(rows);
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// Runs all rows; prints the table and gives what is not as it says.
    pub fn complaints(&self, rows: &[Row]) -> Vec<String> {
        let mut table = String::new();
        let mut wrong = Vec::new();
        for row in rows {
            let (line, complaints) = self.judge_one(row);
            writeln!(table, "{line}").unwrap();
            wrong.extend(complaints);
        }
        println!("sigward, cosign 2.5, cosign 3.1:\n{table}");
        wrong
    }

    fn judge_one(&self, row: &Row) -> (String, Vec<String>) {
        let run = |who| {
            let (program, more) = match who {
                Sigward => (Path::new(SIGWARD), ""),
                Cosign2 => (self.parts.cosign_2.as_path(), row.for_2.as_str()),
                Cosign3 => (self.parts.cosign_3.as_path(), ""),
            };
            let environment = row.environment.iter().map(|(name, value)| (*name, value.as_str()));
            self.run(program, &format!("{} {more}", row.line), environment)
        };
        let ended = [Sigward, Cosign2, Cosign3].map(|who| (who, run(who)));
        let codes: Vec<_> = ended.iter().map(|(_, ended)| format!("{:2}", ended.code)).collect();
        let mut complaints: Vec<_> = ended
            .iter()
            .filter(|(who, ended)| ended.code != row.expected(*who))
            .map(|(who, ended)| format!("{who:?}, expected {}: {}\n{ended:#?}", row.expected(*who), row.line))
            .collect();
        let [(_, ours), _, (_, theirs)] = &ended;
        if ours.code == 0 && theirs.code == 0 {
            let same = Words::of(&ours.out) == Words::of(&theirs.out);
            match row.other_words {
                None if !same => complaints.push(format!("other words: {}\n{ours:#?}\n{theirs:#?}", row.line)),
                Some(why) if same => complaints.push(format!("the same words, though {why}: {}", row.line)),
                _ => {}
            }
        }
        let reasons: String = row.otherwise.iter().map(|o| format!(" ({:?}: {})", o.who, o.why)).collect();
        (format!("{}  {}{reasons}", codes.join(" "), row.what), complaints)
    }

    fn run<'a>(&self, program: &Path, line: &str, environment: impl Iterator<Item = (&'a str, &'a str)>) -> Ended {
        let mut command = Command::new(program);
        command.args(line.split_whitespace()).stdin(Stdio::null());
        let output = self.place.prepared(command).envs(environment).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// What makes a version sign in a form, without any service.
pub fn flags(by: Signer, form: Form) -> &'static str {
    match (by, form) {
        (Signer::Two, Form::Legacy) => "--tlog-upload=false",
        (Signer::Two, Form::Bundle) => "--tlog-upload=false --new-bundle-format",
        (Signer::Three, Form::Legacy) => "--tlog-upload=false --use-signing-config=false --new-bundle-format=false",
        (Signer::Three, Form::Bundle) => "--tlog-upload=false --use-signing-config=false",
    }
}

/// An output without what does not matter: JSON's spelling, or the order of lines (cosign's is random).
#[derive(PartialEq)]
enum Words<'a> {
    Json(Vec<Value>),
    Text(Vec<&'a str>),
}

impl<'a> Words<'a> {
    fn of(out: &'a str) -> Self {
        let values: Result<_, _> = serde_json::Deserializer::from_str(out).into_iter().collect();
        values.map_or_else(
            |_| {
                let mut lines: Vec<_> = out.lines().collect();
                lines.sort_unstable();
                Self::Text(lines)
            },
            Self::Json,
        )
    }
}
