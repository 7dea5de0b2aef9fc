//! `Validate` (`validate.go`): which errors of a finished value count.

use std::collections::HashSet;
use std::rc::Rc;

use super::Eval;
use super::error::{Bottom, Code, Message, R, combine};
use super::types::{Base, Status, Value, VertexId};
use crate::expr::ArcType;
use crate::label::Label;

/// What is asked of a value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Validation {
    /// All values must be concrete.
    pub(crate) concrete: bool,
    /// Required fields must be there, and reference cycles are errors.
    pub(crate) last: bool,
    /// Incomplete errors count.
    pub(crate) incomplete: bool,
}

struct Walk<'p> {
    asked: Validation,
    in_definition: usize,
    path: Vec<Label>,
    visited: HashSet<VertexId>,
    found: Option<Rc<Bottom<'p>>>,
}

impl<'p> Eval<'p> {
    /// The errors of a value that count, or none.
    pub(crate) fn validate(&mut self, v: VertexId, asked: Validation) -> R<'p, Option<Rc<Bottom<'p>>>> {
        self.finalize(v)?;
        let mut walk = Walk { asked, in_definition: 0, path: Vec::new(), visited: HashSet::new(), found: None };
        self.walk(&mut walk, v)?;
        Ok(walk.found)
    }

    /// The error of the value itself (`Err`), whatever its class.
    pub(crate) fn own_error(&self, v: VertexId) -> Option<Rc<Bottom<'p>>> {
        match &self.vertices[self.deref(v)].base {
            Base::Value(Value::Bottom(bottom)) => Some(Rc::clone(bottom)),
            _ => None,
        }
    }

    /// What `matchN` and its like take for a failure.
    pub(super) fn strict_error(&mut self, v: VertexId) -> R<'p, Option<Rc<Bottom<'p>>>> {
        self.validate(v, Validation { concrete: false, last: true, incomplete: true })
    }

    fn walk(&mut self, walk: &mut Walk<'p>, v: VertexId) -> R<'p, ()> {
        self.spend(1)?;
        if self.vertices[v].status == Status::New {
            // Plain data, which was not looked into.
            return Ok(());
        }
        let w = self.deref(v);
        if w != v && self.vertices[v].is_shared && (walk.in_definition > 0 || !walk.visited.insert(w)) {
            return Ok(());
        }
        if w != v && !self.vertices[v].is_shared && walk.in_definition > 0 {
            return Ok(());
        }
        if w != v && !self.vertices[v].is_shared && !walk.visited.insert(w) {
            return Ok(());
        }
        let last = (walk.asked.concrete || walk.asked.last) && walk.in_definition == 0;
        let concrete = walk.asked.concrete && walk.in_definition == 0;
        if let Base::Value(Value::Bottom(bottom)) = self.vertices[w].base.clone() {
            let counts = match bottom.code {
                Code::Cycle => last,
                Code::Incomplete => walk.asked.incomplete || concrete,
                _ => true,
            };
            if counts && !bottom.child_error {
                walk.found = combine(walk.found.take(), Some(Rc::clone(&bottom)));
            }
            if !bottom.has_recursive {
                return Ok(());
            }
        } else if concrete {
            self.require_concrete(walk, w)?;
        }
        self.walk_fields(walk, w)
    }

    fn require_concrete(&mut self, walk: &mut Walk<'p>, w: VertexId) -> R<'p, ()> {
        let value = self.value_of(w);
        let value = match Self::caught(self.default_of(value.clone()))? {
            Ok(default) => default,
            Err(_) => value,
        };
        if value.is_concrete() {
            if let Value::Vertex(default) = &value
                && self.deref(*default) != w
            {
                return self.walk_fields(walk, self.deref(*default));
            }
            return Ok(());
        }
        let pieces = super::error::pieces("incomplete value {}", vec![value.into()]);
        self.add_found(walk, Code::Incomplete, pieces);
        Ok(())
    }

    fn add_found(&self, walk: &mut Walk<'p>, code: Code, pieces: Vec<super::error::Piece<'p>>) {
        let path: Vec<String> = walk.path.iter().map(|l| self.names.selector(*l).to_string()).collect();
        let message = Message { at: super::types::NO_VERTEX, path: Some(path.join(".")), pieces, wrapped: vec![] };
        let error = Bottom {
            code,
            messages: vec![Rc::new(message)].into(),
            close_check: false,
            child_error: false,
            has_recursive: false,
        };
        walk.found = combine(walk.found.take(), Some(Rc::new(error)));
    }

    fn walk_fields(&mut self, walk: &mut Walk<'p>, w: VertexId) -> R<'p, ()> {
        let mut n = 0;
        while let Some(arc) = self.vertices[w].arcs.get(n) {
            n = n.saturating_add(1);
            let field = &self.vertices[arc];
            let Some(label) = field.label else { continue };
            walk.path.push(label);
            if field.arc == ArcType::Required && walk.asked.last && walk.in_definition == 0 {
                self.add_found(walk, Code::Incomplete, vec!["field is required but not present".into()]);
            } else if !field.is_let && field.arc == ArcType::Member {
                let regular = self.names.is_regular(label);
                walk.in_definition = walk.in_definition.saturating_add(usize::from(!regular));
                self.nested(|e| e.walk(walk, arc))?;
                walk.in_definition = walk.in_definition.saturating_sub(usize::from(!regular));
            }
            walk.path.pop();
        }
        Ok(())
    }

    /// The messages of an error, one text each.
    pub(crate) fn texts(&self, bottom: &Bottom<'p>) -> Vec<String> {
        bottom.messages.iter().map(|m| self.text(m)).collect()
    }

    /// All of them as CUE prints them.
    pub(crate) fn report(&self, bottom: &Bottom<'p>) -> String {
        self.summary(&bottom.messages)
    }
}
