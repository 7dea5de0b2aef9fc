//! The fields that a policy demands of a document, found in its text: with definitions that are applied followed, and
//! elements of lists, which no evaluation of `{}` would show.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::LintCode;
use super::names::{Names, text};
use crate::builtins::{self, Member};
use crate::kind::Kind;
use crate::label::quote_if_needed;
use crate::syntax::ast::{Ast, Clause, Comprehension, Constraint, Decl, Element, Field, File, Label, Selector};

/// Definitions within definitions that are followed: they may refer to themselves.
const MAX_DEPTH: usize = 24;

/// Values that are looked at in one policy, by themselves or behind references. The longest has fewer.
const MAX_LOOKUPS: usize = 1_000_000;

/// Fields of a Pod that are true where they are missing (Kubernetes API, core/v1); all others are false then.
const TRUE_IF_MISSING: [&str; 3] = ["allowPrivilegeEscalation", "automountServiceAccountToken", "enableServiceLinks"];

/// More is not reported.
const MAX_NOTES: usize = 1_000;

/// What is found in a policy.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) notes: Vec<Note>,
    /// It constrains something of a document.
    pub(super) constrains: bool,
    /// It constrains a field that is not optional.
    pub(super) demands: bool,
}

/// A finding, its place in bytes.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) code: LintCode,
    pub(super) path: String,
    pub(super) at: usize,
    pub(super) message: String,
}

/// Looks at all fields.
pub(super) fn walk(file: &File, names: &Names, given: &[&str]) -> Walked {
    let (scopes, path, found) = (Vec::new(), Vec::new(), Walked::default());
    let (lookups, indices) = (Cell::new(MAX_LOOKUPS), RefCell::default());
    let mut walk = Walk { names, given, scopes, path, at: 0, depth: 0, lookups, indices, found };
    walk.decls(&file.decls);
    walk.found
}

/// Where a field begins, by its path.
pub(super) fn position(file: &File, path: &str) -> Option<usize> {
    find(&file.decls, path)
}

fn find(decls: &[Decl], path: &str) -> Option<usize> {
    decls.iter().find_map(|decl| {
        let Decl::Field(field) = decl else { return None };
        let name = label_text(&field.label)?;
        let rest = path.strip_prefix(&name)?;
        if rest.is_empty() {
            return Some(field.at);
        }
        let Ast::Struct(inner) = &field.value else { return rest.starts_with('.').then_some(field.at) };
        find(inner, rest.strip_prefix('.')?)
    })
}

/// What the value of a field asks of a document.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Demand {
    /// Nothing of its own: it is a struct, has a default, or says nothing.
    Nothing,
    /// The field must have some value.
    Value,
    /// It is a condition, and no demand.
    Condition,
}

/// The declarations of a struct that have a name, by that.
type Index<'a> = Rc<HashMap<&'a str, Vec<&'a Decl>>>;

struct Walk<'a> {
    names: &'a Names,
    given: &'a [&'a str],
    scopes: Vec<Index<'a>>,
    path: Vec<String>,
    at: usize,
    depth: usize,
    /// How many more values may be looked up.
    lookups: Cell<usize>,
    /// By the place of the first declaration.
    indices: RefCell<HashMap<usize, Index<'a>>>,
    found: Walked,
}

impl<'a> Walk<'a> {
    fn note(&mut self, code: LintCode, message: impl Into<String>) {
        if self.found.notes.len() < MAX_NOTES {
            let note = Note { code, path: self.shown_path(), at: self.at, message: message.into() };
            self.found.notes.push(note);
        }
    }

    fn shown_path(&self) -> String {
        let mut out = String::new();
        for step in &self.path {
            if !out.is_empty() && !step.starts_with('[') {
                out.push('.');
            }
            out.push_str(step);
        }
        out
    }

    fn decls(&mut self, decls: &'a [Decl]) {
        self.scopes.push(self.index(decls));
        for decl in decls {
            match decl {
                Decl::Field(field) => self.field(field),
                Decl::Embed(value) => {
                    let demand = self.value(value, "");
                    self.found.constrains |= demand != Demand::Nothing;
                }
                Decl::Comprehension(comprehension) => self.comprehension(comprehension),
                Decl::Let(..) | Decl::Ellipsis => {}
            }
        }
        self.scopes.pop();
    }

    fn field(&mut self, field: &'a Field) {
        let saved = std::mem::replace(&mut self.at, field.at);
        let name = label_text(&field.label);
        self.path.push(name.clone().unwrap_or_else(|| "[_]".to_owned()));
        match &field.label {
            Label::Ident(name) if name.starts_with('#') || name.starts_with("_#") => self.definition(name),
            Label::Ident(name) if name.starts_with('_') => self.hidden(name, &field.value),
            label => {
                self.found.constrains = true;
                let demand = self.value(&field.value, name.as_deref().unwrap_or_default());
                let is_named = matches!(label, Label::Ident(_) | Label::String(_));
                match field.constraint {
                    _ if !is_named => {}
                    Constraint::Optional => {}
                    Constraint::Required => self.note(
                        LintCode::RequiredNotEnforced,
                        "a document without this field is accepted: policy-controller does not ask for required fields \
                         (cosign verify-attestation does)",
                    ),
                    Constraint::None if demand == Demand::Value && !self.is_of_condition(field) => {
                        self.missing(&field.value)
                    }
                    Constraint::None if demand == Demand::Condition => self.condition(field),
                    Constraint::None => {}
                }
            }
        }
        self.path.pop();
        self.at = saved;
    }

    fn missing(&mut self, value: &Ast) {
        let path = self.shown_path();
        if self.given.contains(&path.as_str()) {
            return;
        }
        self.found.demands = true;
        let is_element = path.contains('[');
        if !is_element && self.tested(&path) {
            return;
        }
        if is_list_of_any_length(value) {
            self.note(LintCode::MissingList, "accepted without this list, as with an empty one");
            return;
        }
        let means_true = path.rsplit('.').next().is_some_and(|name| TRUE_IF_MISSING.contains(&name));
        if matches!(value, Ast::Bool(false)) && path.starts_with("spec.") && !means_true {
            self.note(LintCode::MissingFalse, "accepted without this field, which is right where missing means false");
            return;
        }
        let message = if is_element {
            "an element without this field is accepted: CUE takes what is missing for not known yet"
        } else {
            "a document without this field is accepted: CUE takes what is missing for not known yet"
        };
        self.note(LintCode::MissingField, message);
    }

    fn definition(&mut self, name: &str) {
        if !self.names.used.contains(name) {
            self.note(LintCode::UnusedDefinition, "nothing applies this definition: it constrains no document");
        }
    }

    fn hidden(&mut self, name: &str, value: &'a Ast) {
        let demand = self.quietly(|w| w.value(value, name));
        if !self.names.used.contains(name) && demand == Demand::Value && !is_computed(value) {
            let message =
                format!("a hidden field is not compared with the document; for a member of that name: {name:?}:");
            self.note(LintCode::HiddenField, message);
        }
        self.found.constrains |= demand == Demand::Condition || is_computed(value);
    }

    /// Without notes.
    fn quietly<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let notes = std::mem::take(&mut self.found.notes);
        let (constrains, demands) = (self.found.constrains, self.found.demands);
        let result = run(self);
        self.found = Walked { notes, constrains, demands };
        result
    }

    /// The `true` of `ok: true` beside `ok: a == b`.
    fn is_of_condition(&mut self, field: &'a Field) -> bool {
        has_literal(&field.value)
            && self.beside(field).iter().any(|value| self.quietly(|w| w.value(value, "")) == Demand::Condition)
    }

    /// `ok: a == b` does not reject where it is false; `ok: true & (a == b)` does.
    fn condition(&mut self, field: &'a Field) {
        let name = label_text(&field.label);
        let enforced = self.beside(field).len() > 1 || has_literal(&field.value);
        let bare = name.as_deref().is_some_and(|name| self.names.used.contains(name));
        if !enforced && !bare {
            self.note(LintCode::ConditionNotEnforced, "a condition that is false rejects nothing; write true & (…)");
        }
    }

    /// The values of a field that is looked at, wherever they stand in its struct.
    fn beside(&self, field: &Field) -> Vec<&'a Ast> {
        match (&field.label, self.scopes.last()) {
            (Label::Ident(name) | Label::String(name), Some(scope)) => self.named(scope, name),
            _ => Vec::new(),
        }
    }

    fn comprehension(&mut self, comprehension: &'a Comprehension) {
        self.found.constrains = true;
        for clause in &comprehension.clauses {
            let Clause::If(condition) = clause else { continue };
            let mut references = Vec::new();
            references_of(condition, &mut references);
            for reference in references {
                if self.may_be_unknown(reference) {
                    let name = text(reference);
                    let message = format!(
                        "where {name} is missing, a condition over it is skipped, and what is there is accepted"
                    );
                    let depth = self.path.len();
                    self.enter(reference, name);
                    self.note(LintCode::SkippedCondition, message);
                    self.path.truncate(depth);
                    break;
                }
            }
        }
    }

    /// Adds the reference to the path where it begins in the struct that is looked at.
    fn enter(&mut self, reference: &Ast, name: String) {
        let root = root_of(reference).unwrap_or_default();
        if self.scopes.last().is_some_and(|scope| scope.contains_key(root)) {
            self.path.push(name);
        }
    }

    /// Whether a reference leads to a field of the document that the policy does not give a value or a default.
    fn may_be_unknown(&self, reference: &'a Ast) -> bool {
        let values = self.resolve(reference);
        match (values.is_empty(), root_of(reference)) {
            (true, Some(name)) => self.declares_field(name),
            (true, None) => false,
            (false, _) => values.iter().all(|value| !is_known(value)),
        }
    }

    /// Whether the name is that of a field of the document, and not of a package, a `let` clause or a loop.
    fn declares_field(&self, name: &str) -> bool {
        let declares = |decl: &&Decl| matches!(decl, Decl::Field(Field { label: Label::Ident(_), .. }));
        !name.starts_with(['_', '#']) && self.scopes.iter().any(|scope| declared(scope, name).iter().any(declares))
    }

    fn value(&mut self, ast: &'a Ast, label: &str) -> Demand {
        // `#A: {a?: #A, b?: #A}` leads to itself, twice each time.
        if self.depth >= MAX_DEPTH || !self.spend(1) {
            return Demand::Nothing;
        }
        self.depth = self.depth.saturating_add(1);
        let demand = self.value_within(ast, label);
        self.depth = self.depth.saturating_sub(1);
        demand
    }

    fn value_within(&mut self, ast: &'a Ast, label: &str) -> Demand {
        match ast {
            Ast::Paren(inner) | Ast::Alias(_, inner) => self.value(inner, label),
            Ast::Ident(name) if name == "_" || name == label => Demand::Nothing,
            Ast::Ident(_) | Ast::Selector(..) | Ast::Index(..) => self.reference(ast, label),
            Ast::Struct(decls) => {
                self.decls(decls);
                Demand::Nothing
            }
            Ast::List { elements, ellipsis } => {
                self.path.push("[]".to_owned());
                let values = elements.iter().filter_map(|e| if let Element::Value(v) = e { Some(v) } else { None });
                for value in values.chain(ellipsis.iter().flatten().map(|rest| &**rest)) {
                    self.value(value, "");
                }
                self.path.pop();
                Demand::Value
            }
            Ast::Or(values) => {
                let has_default = values.iter().any(|value| matches!(value, Ast::Unary("*", _)));
                if has_default { Demand::Nothing } else { Demand::Value }
            }
            Ast::Binary("&", left, right) => self.value(left, label).max(self.value(right, label)),
            Ast::Binary("==" | "!=" | "<" | "<=" | ">" | ">=" | "=~" | "!~" | "&&" | "||", ..) | Ast::Unary("!", _) => {
                Demand::Condition
            }
            Ast::Call(function, arguments) => match (self.truth(function, arguments.len()), arguments.as_slice()) {
                (Some(demand), _) => demand,
                (None, [inner]) if text(function) == "close" => self.value(inner, label),
                _ if self.names.used.contains(label) => Demand::Nothing,
                _ => Demand::Value,
            },
            Ast::Binary(..) | Ast::Interpolation { .. } if self.names.used.contains(label) => Demand::Nothing,
            _ => Demand::Value,
        }
    }

    /// A definition that is applied says what it says here; another field's value is a demand like any other, unless it is
    /// only taken for the sake of a shorter name.
    fn reference(&mut self, ast: &'a Ast, label: &str) -> Demand {
        let values = self.resolve(ast);
        let applied = text(ast).split('.').any(|step| step.starts_with(['#', '_']));
        let is_let = matches!(ast, Ast::Ident(name) if self.is_let(name));
        if values.is_empty() || !(applied || is_let) {
            let own = !label.is_empty() && self.names.used.contains(label) && !is_type(ast) && !self.is_validator(ast);
            return if own { Demand::Nothing } else { Demand::Value };
        }
        values.into_iter().map(|value| self.value(value, label)).max().unwrap_or(Demand::Nothing)
    }

    fn is_let(&self, name: &str) -> bool {
        let is_let = |decl: &&Decl| matches!(decl, Decl::Let(..));
        self.scopes.iter().any(|scope| declared(scope, name).iter().any(is_let))
    }

    /// The values that a reference leads to, as far as the text tells.
    fn resolve(&self, ast: &'a Ast) -> Vec<&'a Ast> {
        self.resolve_within(ast, 0)
    }

    fn resolve_within(&self, ast: &'a Ast, depth: usize) -> Vec<&'a Ast> {
        match ast {
            Ast::Ident(name) => {
                let scope = self.scopes.iter().rev().find(|scope| scope.contains_key(name.as_str()));
                scope.map(|scope| self.named(scope, name)).unwrap_or_default()
            }
            Ast::Selector(subject, Selector::Ident(name) | Selector::String(name)) => {
                let mut out = Vec::new();
                for value in self.resolve_within(subject, depth) {
                    for decls in self.structs(value, depth) {
                        out.extend(self.named(&self.index(decls), name));
                    }
                }
                out
            }
            Ast::Paren(inner) => self.resolve_within(inner, depth),
            _ => Vec::new(),
        }
    }

    /// The struct literals that a value is made of.
    fn structs(&self, ast: &'a Ast, depth: usize) -> Vec<&'a [Decl]> {
        let deeper = depth.saturating_add(1);
        match ast {
            // `a: {b: 1} & a.b & a.c` leads to itself, twice each time.
            _ if depth >= MAX_DEPTH || !self.spend(1) => Vec::new(),
            Ast::Struct(decls) => vec![decls],
            Ast::Paren(inner) => self.structs(inner, deeper),
            Ast::Binary("&", left, right) => [self.structs(left, deeper), self.structs(right, deeper)].concat(),
            Ast::Ident(_) | Ast::Selector(..) => {
                self.resolve_within(ast, deeper).into_iter().flat_map(|value| self.structs(value, deeper)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The declarations of a struct by name, which is gone through once.
    fn index(&self, decls: &'a [Decl]) -> Index<'a> {
        let place = decls.as_ptr().addr();
        Rc::clone(self.indices.borrow_mut().entry(place).or_insert_with(|| {
            let mut index: HashMap<&str, Vec<&Decl>> = HashMap::new();
            for decl in decls {
                if let Some(name) = name_of(decl) {
                    index.entry(name).or_default().push(decl);
                }
            }
            Rc::new(index)
        }))
    }

    fn named(&self, scope: &Index<'a>, name: &str) -> Vec<&'a Ast> {
        let decls = declared(scope, name);
        if !self.spend(decls.len()) {
            return Vec::new();
        }
        let value = |decl: &&'a Decl| match decl {
            Decl::Field(field) => Some(&field.value),
            Decl::Let(_, value) => Some(value),
            _ => None,
        };
        decls.iter().filter_map(value).collect()
    }

    /// False if all is looked at that is to be looked at.
    fn spend(&self, values: usize) -> bool {
        self.lookups.set(self.lookups.get().saturating_sub(values));
        self.lookups.get() > 0
    }

    /// Whether a condition asks for the field: `if predicate.level == _|_ { … }`, or `if level == _|_` within `predicate`.
    fn tested(&self, path: &str) -> bool {
        let ends = path.match_indices('.').filter_map(|(at, _)| path.get(at.saturating_add(1)..));
        std::iter::once(path).chain(ends).any(|end| self.names.tested.contains(end))
    }

    /// What a package has under this name.
    fn member(&self, reference: &Ast) -> Option<Member> {
        let Ast::Selector(package, Selector::Ident(name)) = reference else { return None };
        let Ast::Ident(package) = &**package else { return None };
        self.names.packages.get(package).and_then(|path| builtins::lookup(path, name))
    }

    /// `time.Time` constrains a field, and is no value of its own.
    fn is_validator(&self, reference: &Ast) -> bool {
        matches!(self.member(reference), Some(Member::Function(_)))
    }

    /// A call of a function that gives a truth value: with its first argument left out it is a constraint.
    fn truth(&self, function: &Ast, arguments: usize) -> Option<Demand> {
        match self.member(function) {
            Some(Member::Function(f)) if f.result == Kind::BOOL && arguments < f.parameters.len() => {
                Some(Demand::Value)
            }
            Some(Member::Function(f)) if f.result == Kind::BOOL => Some(Demand::Condition),
            _ => None,
        }
    }
}

fn declared<'i, 'a>(scope: &'i Index<'a>, name: &str) -> &'i [&'a Decl] {
    scope.get(name).map(Vec::as_slice).unwrap_or_default()
}

fn name_of(decl: &Decl) -> Option<&str> {
    match decl {
        Decl::Field(Field { label: Label::Ident(name) | Label::String(name), .. }) | Decl::Let(name, _) => Some(name),
        _ => None,
    }
}

/// A label as paths have it; nothing for computed ones and patterns.
fn label_text(label: &Label) -> Option<String> {
    match label {
        Label::Ident(name) if name.starts_with(['#', '_']) => Some(name.clone()),
        Label::Ident(name) | Label::String(name) => Some(quote_if_needed(name)),
        Label::Dynamic(_) | Label::Pattern(_) => None,
    }
}

fn root_of(ast: &Ast) -> Option<&str> {
    match ast {
        Ast::Ident(name) => Some(name),
        Ast::Selector(subject, _) | Ast::Index(subject, _) => root_of(subject),
        _ => None,
    }
}

fn is_type(ast: &Ast) -> bool {
    const NAMES: [&str; 9] = ["string", "bytes", "bool", "int", "float", "number", "uint", "null", "error"];
    matches!(ast, Ast::Ident(name) if NAMES.contains(&name.as_str()))
}

fn is_computed(ast: &Ast) -> bool {
    match ast {
        Ast::Paren(inner) | Ast::Alias(_, inner) => is_computed(inner),
        Ast::Binary("&", left, right) => is_computed(left) || is_computed(right),
        Ast::Call(..) | Ast::Binary(..) | Ast::Selector(..) | Ast::Index(..) | Ast::Interpolation { .. } => true,
        Ast::Unary(sign, _) => *sign == "!",
        _ => false,
    }
}

/// Whether a value is one of its own accord: a literal, or something with a default.
fn is_known(ast: &Ast) -> bool {
    match ast {
        Ast::Null | Ast::Bool(_) | Ast::Number(_) | Ast::String(_) | Ast::Bytes(_) | Ast::List { .. } => true,
        Ast::Or(values) => values.iter().any(|value| matches!(value, Ast::Unary("*", _))),
        Ast::Paren(inner) => is_known(inner),
        Ast::Binary("&", left, right) => is_known(left) || is_known(right),
        Ast::Call(_, arguments) => arguments.iter().all(is_known),
        _ => false,
    }
}

/// `[...T]`: nothing is said of the list itself.
fn is_list_of_any_length(ast: &Ast) -> bool {
    match ast {
        Ast::Paren(inner) => is_list_of_any_length(inner),
        Ast::List { elements, ellipsis } => elements.is_empty() && ellipsis.is_some(),
        _ => false,
    }
}

fn has_literal(ast: &Ast) -> bool {
    match ast {
        Ast::Bool(_) => true,
        Ast::Paren(inner) => has_literal(inner),
        Ast::Binary("&", left, right) => has_literal(left) || has_literal(right),
        _ => false,
    }
}

/// The references in a condition, but for those that ask whether there is anything: `x != _|_`.
fn references_of<'a>(ast: &'a Ast, out: &mut Vec<&'a Ast>) {
    match ast {
        Ast::Ident(_) | Ast::Selector(..) => out.push(ast),
        Ast::Index(subject, index) => {
            out.push(subject);
            references_of(index, out);
        }
        Ast::Binary(_, left, right) => {
            if matches!(**left, Ast::Bottom) || matches!(**right, Ast::Bottom) {
                return;
            }
            references_of(left, out);
            references_of(right, out);
        }
        Ast::Unary(_, inner) | Ast::Paren(inner) => references_of(inner, out),
        Ast::Call(_, arguments) => arguments.iter().for_each(|argument| references_of(argument, out)),
        Ast::Interpolation { parts, .. } => parts.iter().for_each(|part| references_of(part, out)),
        _ => {}
    }
}
