//! Arrays, sets, objects and their comprehensions.

use super::super::CompileError;
use super::super::syntax::{Collection, Comprehension, Term};
use super::{Parsed, Parser};

impl Parser<'_> {
    pub(super) fn array(&mut self) -> Parsed<Term> {
        self.step();
        if self.take("]") {
            return Ok(Term::Array(Vec::new()));
        }
        // `[, x]` is allowed for old times' sake.
        let comma = self.take(",");
        if comma && self.is_sign("]") {
            return self.unexpected("");
        }
        let start = self.at;
        if !comma && let Some(term) = self.comprehension(Collection::Array, None, "]")? {
            return Ok(term);
        }
        self.at = start;
        Ok(Term::Array(self.list("]")?))
    }

    /// `term | body end`, or nothing where it is no comprehension.
    fn comprehension(&mut self, kind: Collection, key: Option<&Term>, end: &str) -> Parsed<Option<Term>> {
        let term = self.term()?;
        if !self.take("|") {
            return Ok(None);
        }
        let start = self.at;
        match self.nested(|p| p.body(end)) {
            Ok(body) => {
                let parts = Comprehension { kind, key: key.cloned(), term, body };
                Ok(Some(Term::Comprehension(Box::new(parts))))
            }
            // `[a | b, c]`: a union in a list.
            Err(CompileError::Parse { .. }) if self.is_sign(",") => {
                self.at = start;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn set_or_object(&mut self) -> Parsed<Term> {
        self.step();
        if self.take("}") {
            return Ok(Term::Object(Vec::new()));
        }
        let comma = self.take(",");
        if comma && self.is_sign("}") {
            return self.unexpected("");
        }
        let start = self.at;
        if !comma && let Some(term) = self.comprehension(Collection::Set, None, "}")? {
            return Ok(term);
        }
        self.at = start;
        let first = self.listed_term()?;
        if !self.take(":") {
            self.at = start;
            return Ok(Term::Set(self.list("}")?));
        }
        let value_at = self.at;
        if !comma && let Some(term) = self.comprehension(Collection::Object, Some(&first), "}")? {
            return Ok(term);
        }
        self.at = value_at;
        let mut pairs = vec![(first, self.listed_term()?)];
        loop {
            if self.take("}") {
                return Ok(Term::Object(pairs));
            }
            if !self.take(",") {
                return self.unexpected("non-terminated object");
            }
            if self.take("}") {
                return Ok(Term::Object(pairs));
            }
            let key = self.listed_term()?;
            if !self.take(":") {
                return self.unexpected("expected \":\"");
            }
            let value = self.listed_term()?;
            // Of two members of one name the later one is kept, and the other is not even seen.
            match pairs.iter_mut().find(|(known, _)| same_key(known, &key)) {
                Some(known) => known.1 = value,
                None => pairs.push((key, value)),
            }
        }
    }
}

fn same_key(a: &Term, b: &Term) -> bool {
    match (a, b) {
        (Term::Const(a), Term::Const(b)) => a == b,
        (Term::Var(a), Term::Var(b)) => a == b,
        _ => false,
    }
}
